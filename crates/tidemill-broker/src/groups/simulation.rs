//! Seeded simulations of a group: members that come, go, die and are slow, against the promises of a rebalance.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::group::{Group, GroupLimits};
use super::messages::{JoinOutcome, JoinRequest, Reply, SyncRequest, Ticket};

const SESSION_MS: i64 = 1_000;
const REBALANCE_MS: i64 = 3_000;

/// A client as a well-behaved consumer: it does what the protocol says with the answers that it gets.
#[derive(Debug, Default)]
struct Client {
    instance_id: Option<String>,
    member_id: String,
    generation: i32,
    waits_for: Option<Ticket>,
    share: Option<Bytes>,
    is_dead: bool,
}

struct World {
    group: Group,
    clients: Vec<Client>,
    now_ms: i64,
    next_ticket: Ticket,
    /// Shares that the leader gave, by generation and member.
    given: BTreeMap<i32, BTreeMap<String, Bytes>>,
}

impl World {
    fn new(initial_delay_ms: i64) -> World {
        World {
            group: Group::new(GroupLimits {
                members_max: 100,
                initial_delay_ms,
            }),
            clients: Vec::new(),
            now_ms: 0,
            next_ticket: 0,
            given: BTreeMap::new(),
        }
    }

    fn ticket(&mut self, client: usize) -> Ticket {
        self.next_ticket += 1;
        self.clients[client].waits_for = Some(self.next_ticket);
        self.next_ticket
    }

    fn join(&mut self, client: usize) {
        let ticket = self.ticket(client);
        let c = &self.clients[client];
        let request = JoinRequest {
            member_id: c.member_id.clone(),
            instance_id: c.instance_id.clone(),
            new_member_id: format!("member-{ticket}"),
            client_id: "client".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout_ms: SESSION_MS as i32,
            rebalance_timeout_ms: REBALANCE_MS as i32,
            protocol_type: "consumer".to_owned(),
            protocols: vec![("range".to_owned(), Bytes::from_static(b"topics"))],
            requires_member_id: true,
            can_skip_assignment: true,
        };
        self.group.join(ticket, request, self.now_ms);
        self.deliver();
    }

    fn sync(&mut self, client: usize, assignments: Vec<(String, Bytes)>) {
        let ticket = self.ticket(client);
        let c = &self.clients[client];
        let request = SyncRequest {
            member_id: c.member_id.clone(),
            instance_id: c.instance_id.clone(),
            generation: c.generation,
            protocol_type: Some("consumer".to_owned()),
            protocol: Some("range".to_owned()),
            assignments,
        };
        self.group.sync(ticket, request, self.now_ms);
    }

    /// Hands out answers until there are none.
    fn deliver(&mut self) {
        loop {
            let replies = self.group.take_replies();
            if replies.is_empty() {
                return;
            }
            for reply in replies {
                let (Reply::Join(ticket, _) | Reply::Sync(ticket, _)) = &reply;
                let waiting = self
                    .clients
                    .iter()
                    .position(|c| c.waits_for == Some(*ticket) && !c.is_dead);
                let Some(client) = waiting else { continue };
                self.clients[client].waits_for = None;
                self.take(client, reply);
            }
        }
    }

    fn take(&mut self, client: usize, reply: Reply) {
        match reply {
            Reply::Join(
                _,
                JoinOutcome::Joined {
                    generation,
                    member_id,
                    leader,
                    members,
                    skip_assignment,
                    ..
                },
            ) => {
                let c = &mut self.clients[client];
                (c.generation, c.member_id, c.share) = (generation, member_id, None);
                let is_leader = leader == c.member_id;
                assert_eq!(is_leader, !members.is_empty(), "only the leader is told the members");
                let mut shares = Vec::new();
                if is_leader && !skip_assignment {
                    let share = |member_id: String| {
                        let share = Bytes::from(format!("{generation}/{member_id}"));
                        (member_id, share)
                    };
                    shares = members.into_iter().map(|member| share(member.member_id)).collect();
                    let before = self.given.insert(generation, shares.iter().cloned().collect());
                    assert!(before.is_none(), "generation {generation} was assigned twice");
                }
                self.sync(client, shares);
            }
            Reply::Join(_, JoinOutcome::Failed { error, member_id }) => {
                let c = &mut self.clients[client];
                c.share = None;
                match error {
                    ResponseError::MemberIdRequired => c.member_id = member_id,
                    ResponseError::UnknownMemberId => c.member_id.clear(),
                    ResponseError::RebalanceInProgress => (),
                    ResponseError::FencedInstanceId => {
                        c.is_dead = true;
                        return;
                    }
                    other => panic!("a join failed with {other:?}"),
                }
                self.join(client);
            }
            Reply::Sync(_, Ok(synced)) => self.clients[client].share = Some(synced.assignment),
            Reply::Sync(_, Err(error)) => self.go_again(client, error),
        }
    }

    fn go_again(&mut self, client: usize, error: ResponseError) {
        let c = &mut self.clients[client];
        c.share = None;
        match error {
            ResponseError::RebalanceInProgress => (),
            ResponseError::UnknownMemberId | ResponseError::IllegalGeneration => c.member_id.clear(),
            ResponseError::FencedInstanceId => {
                c.is_dead = true;
                return;
            }
            other => panic!("an unexpected answer {other:?}"),
        }
        self.join(client);
    }

    fn heartbeat(&mut self, client: usize) {
        let c = &self.clients[client];
        if c.is_dead || c.waits_for.is_some() || c.member_id.is_empty() {
            return;
        }
        let (id, instance, generation) = (c.member_id.clone(), c.instance_id.clone(), c.generation);
        if let Err(error) = self.group.heartbeat(&id, instance.as_deref(), generation, self.now_ms) {
            self.go_again(client, error);
        }
        self.deliver();
    }

    fn pass(&mut self, ms: i64) {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.now_ms += SESSION_MS / 10;
            self.group.tick(self.now_ms);
            self.deliver();
            for client in 0..self.clients.len() {
                self.heartbeat(client);
            }
        }
    }

    fn add(&mut self, instance_id: Option<String>) {
        self.clients.push(Client {
            instance_id,
            ..Client::default()
        });
        self.join(self.clients.len() - 1);
    }

    fn alive(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().filter(|client| !client.is_dead)
    }

    /// All who live have a share of their own, of one generation.
    fn check(&self, seed: u64) {
        let mut shares = BTreeSet::new();
        for client in self.alive() {
            let Some(share) = &client.share else {
                panic!("seed {seed}: {client:?} has no share")
            };
            let given = &self.given[&client.generation];
            // A static member that came back has the share of its former self.
            let is_right = match client.instance_id {
                None => given.get(&client.member_id) == Some(share),
                Some(_) => given.values().any(|given| given == share),
            };
            assert!(is_right, "seed {seed}: {client:?}");
            assert!(
                shares.insert(share.clone()),
                "seed {seed}: two have the share {share:?}"
            );
        }
        let generations: BTreeSet<_> = self.alive().map(|client| client.generation).collect();
        assert!(
            generations.len() <= 1,
            "seed {seed}: members are in generations {generations:?}"
        );
        let ids: BTreeSet<_> = self.alive().map(|client| client.member_id.clone()).collect();
        let known: BTreeSet<_> = self.group.members().map(|(id, _)| id.clone()).collect();
        assert_eq!(ids, known, "seed {seed}: the group's members are not those who live");
    }
}

#[test]
fn whatever_happens_the_living_end_up_with_one_generation_and_their_own_shares() {
    for seed in 0..300 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut world = World::new(if seed % 3 == 0 { 500 } else { 0 });
        for step in 0..random.random_range(5..40) {
            match random.random_range(0..6) {
                0 | 1 => world.add(random.random_bool(0.3).then(|| format!("instance-{step}"))),
                2 if !world.clients.is_empty() => {
                    // Dies without a word.
                    let client = random.random_range(0..world.clients.len());
                    world.clients[client].is_dead = true;
                }
                3 if !world.clients.is_empty() => {
                    let client = random.random_range(0..world.clients.len());
                    let c = &mut world.clients[client];
                    let is_in = !c.is_dead && !c.member_id.is_empty();
                    if is_in {
                        c.is_dead = true;
                        let (id, instance) = (c.member_id.clone(), c.instance_id.clone());
                        // It may have been thrown out already.
                        let _ = world.group.leave(&id, instance.as_deref(), world.now_ms);
                        world.deliver();
                    }
                }
                4 if !world.clients.is_empty() => {
                    // A static member starts again, without its id, and takes its own place.
                    let client = random.random_range(0..world.clients.len());
                    if world.clients[client].instance_id.is_some() {
                        let instance_id = world.clients[client].instance_id.clone();
                        world.clients[client].is_dead = true;
                        world.add(instance_id);
                    }
                }
                _ => world.pass(random.random_range(0..2 * SESSION_MS)),
            }
        }
        world.pass(4 * (SESSION_MS + REBALANCE_MS));
        world.check(seed);
    }
}

#[test]
fn a_static_member_comes_back_to_its_share_without_a_rebalance() {
    let mut world = World::new(0);
    for instance in ["a", "b"] {
        world.add(Some(instance.to_owned()));
    }
    world.pass(REBALANCE_MS);
    world.check(0);
    let generation = world.clients[0].generation;
    for client in [0, 1] {
        let instance_id = world.clients[client].instance_id.clone();
        world.clients[client].is_dead = true;
        world.add(instance_id);
    }
    assert_eq!(world.group.state_name(), "Stable");
    assert_eq!(
        world
            .alive()
            .map(|c| (c.generation, c.share.is_some()))
            .collect::<Vec<_>>(),
        [(generation, true); 2]
    );
    // Its former self is told that it is not it any more.
    let former = world.clients[0].member_id.clone();
    let beat = world.group.heartbeat(&former, Some("a"), generation, world.now_ms);
    assert_eq!(beat, Err(ResponseError::FencedInstanceId));
}

#[test]
fn a_rebalance_waits_for_the_rebalance_timeout_and_not_the_session() {
    let mut world = World::new(0);
    world.add(None);
    world.add(None);
    world.pass(REBALANCE_MS);
    world.check(0);
    // The first is busy: it sends heartbeats, and does not join again.
    let (busy, generation) = (world.clients[0].member_id.clone(), world.clients[0].generation);
    world.clients[0].is_dead = true;
    world.add(None);
    let mut beats = Vec::new();
    for _ in 0..(REBALANCE_MS - SESSION_MS) / (SESSION_MS / 2) {
        world.pass(SESSION_MS / 2);
        beats.push(world.group.heartbeat(&busy, None, generation, world.now_ms));
    }
    assert!(
        beats
            .iter()
            .all(|beat| *beat == Err(ResponseError::RebalanceInProgress)),
        "{beats:?}"
    );
    assert_eq!(world.group.state_name(), "PreparingRebalance");
    world.pass(2 * REBALANCE_MS);
    world.check(0);
    let beat = world.group.heartbeat(&busy, None, generation, world.now_ms);
    assert_eq!(beat, Err(ResponseError::UnknownMemberId));
}
