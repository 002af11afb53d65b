//! What Tab offers: tables, columns of the tables that the statement names, keywords and functions, commands.
//!
//! Invariant: nothing here reads or prints.

use super::language::{COMMANDS, FORMATS, Place, place_at_end, places};

/// Most words that are offered at once; whoever has more types another letter.
const OFFERED_MAX: usize = 200;

/// Keywords, and functions with the parenthesis that follows them.
const KEYWORDS: [&str; 73] = [
    "all",
    "and",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "cross join",
    "date",
    "desc",
    "describe",
    "distinct",
    "else",
    "end",
    "except",
    "exists",
    "explain",
    "explain analyze",
    "false",
    "filter",
    "from",
    "full join",
    "group by",
    "having",
    "in",
    "inner join",
    "intersect",
    "interval",
    "is not null",
    "is null",
    "join",
    "left join",
    "like",
    "limit",
    "not",
    "null",
    "nulls first",
    "nulls last",
    "offset",
    "on",
    "or",
    "order by",
    "over",
    "partition by",
    "right join",
    "select",
    "show tables",
    "then",
    "timestamp",
    "true",
    "union",
    "union all",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
    "avg(",
    "coalesce(",
    "count(",
    "count(*)",
    "date_bin(",
    "date_trunc(",
    "max(",
    "median(",
    "min(",
    "now()",
    "round(",
    "row_number()",
    "stddev(",
    "sum(",
];

/// Words behind which a table stands.
const BEFORE_TABLES: [&str; 4] = ["from", "join", "describe", "desc"];

/// The tables with their columns, as completion knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// By table; the names in the order in which they stand.
    pub tables: Vec<(String, Vec<String>)>,
}

impl Words {
    fn columns_of(&self, table: &str) -> &[String] {
        let found = self.tables.iter().find(|(name, _)| name == table);
        found.map_or(&[], |(_, columns)| columns)
    }
}

/// What can stand at `position` of `typed`: where the begun word begins, and the words.
pub fn complete(words: &Words, typed: &str, position: usize) -> (usize, Vec<String>) {
    let before = &typed[..position];
    if let Some(command) = before.trim_start().strip_prefix('\\') {
        return complete_command(words, command, position);
    }
    if !matches!(place_at_end(before), Place::Open) {
        return (position, Vec::new());
    }
    let start = before
        .rfind(|c: char| !is_part_of_word(c))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let begun = &before[start..];
    let statement = statement_around(typed, position);
    let offered = if let Some(named) = before[..start].strip_suffix('.') {
        let from = named.rfind(|c: char| !is_part_of_word(c)).map_or(0, |at| at + 1);
        let table = table_called(words, &statement, &named[from..]);
        starting_with(begun, table.iter().flat_map(|table| words.columns_of(table)))
    } else {
        complete_word(words, &statement, &before[..start], begun)
    };
    (start, offered)
}

fn complete_command(words: &Words, command: &str, position: usize) -> (usize, Vec<String>) {
    let Some((name, argument)) = command.split_once(' ') else {
        let names = COMMANDS.iter().filter_map(|(name, ..)| name.strip_prefix('\\'));
        let offered = starting_with(command, names);
        return (position - command.len(), offered);
    };
    let argument = argument.trim_start();
    let offered = match name {
        "d" => starting_with(argument, words.tables.iter().map(|(table, _)| table)),
        "format" => starting_with(argument, FORMATS.iter().map(|(format, _)| format)),
        "x" | "timing" => starting_with(argument, ["off", "on"]),
        _ => Vec::new(),
    };
    (position - argument.len(), offered)
}

fn complete_word(words: &Words, statement: &[&str], before: &str, begun: &str) -> Vec<String> {
    let tables = words.tables.iter().map(|(table, _)| table);
    let previous = tokens(before).last().map(|word| word.to_ascii_lowercase());
    if previous.is_some_and(|word| BEFORE_TABLES.contains(&word.as_str())) {
        return starting_with(begun, tables);
    }
    if begun.is_empty() {
        return Vec::new();
    }
    let named = |table: &&(String, Vec<String>)| statement.contains(&table.0.as_str());
    // Most write the columns first and the tables behind: until one is named, any can be meant.
    let any_named = words.tables.iter().any(|table| named(&table));
    let meant = words.tables.iter().filter(|table| !any_named || named(table));
    let columns: Vec<&String> = meant.flat_map(|(_, columns)| columns).collect();
    let mut offered = starting_with(begun, columns);
    offered.extend(starting_with(begun, tables));
    let loud = begun.chars().all(|c| !c.is_ascii_lowercase());
    offered.extend(starting_with(begun, KEYWORDS).into_iter().map(|word| match loud {
        true => word.to_ascii_uppercase(),
        false => word,
    }));
    offered.truncate(OFFERED_MAX);
    offered
}

/// The words that begin so, whatever their case; each once.
fn starting_with<W: AsRef<str>>(begun: &str, words: impl IntoIterator<Item = W>) -> Vec<String> {
    let mut offered: Vec<String> = Vec::new();
    for word in words {
        let word = word.as_ref();
        let begins = word
            .get(..begun.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(begun));
        if begins && !offered.iter().any(|other| other == word) {
            offered.push(word.to_owned());
        }
    }
    offered
}

/// The table that a name stands for in the statement: itself, or one that has it for another name.
fn table_called(words: &Words, statement: &[&str], name: &str) -> Option<String> {
    let is_table = |word: &str| words.tables.iter().any(|(table, _)| table == word);
    if is_table(name) {
        return Some(name.to_owned());
    }
    let renamed = |pair: &[&str]| match pair {
        [table, other] => is_table(table) && *other == name,
        [table, keyword, other] => is_table(table) && keyword.eq_ignore_ascii_case("as") && *other == name,
        _ => false,
    };
    let mut found = statement
        .windows(2)
        .chain(statement.windows(3))
        .filter(|words| renamed(words));
    found.next().map(|words| words[0].to_owned())
}

/// The words of the statement that the position stands in.
fn statement_around(typed: &str, position: usize) -> Vec<&str> {
    let ends = places(typed).filter(|(_, character, place)| *character == ';' && *place == Place::Open);
    let (mut start, mut end) = (0, typed.len());
    for (at, ..) in ends {
        if at < position {
            start = at + 1;
        } else {
            end = at;
            break;
        }
    }
    tokens(&typed[start..end])
}

fn tokens(text: &str) -> Vec<&str> {
    text.split(|c: char| !is_part_of_word(c))
        .filter(|word| !word.is_empty())
        .collect()
}

fn is_part_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` stands where the cursor is.
    fn check(typed: &str, expected: &str) {
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let words = Words {
            tables: vec![
                ("labels".to_owned(), columns(&["TRANSACTION_ID", "TX_FRAUD"])),
                (
                    "transactions".to_owned(),
                    columns(&["TRANSACTION_ID", "TX_AMOUNT", "TX_DATETIME"]),
                ),
            ],
        };
        let position = typed.find('|').expect("a cursor");
        let typed = typed.replacen('|', "", 1);
        let (start, offered) = complete(&words, &typed, position);
        let found = format!("{}: {}", &typed[start..position], offered.join(", "));
        assert_eq!(found, expected, "{typed}");
    }

    #[test]
    fn tab_offers_what_can_stand_there() {
        check("sel|", "sel: select");
        check("SEL|", "SEL: SELECT");
        check("select * from |", ": labels, transactions");
        check("select * from tr|", "tr: transactions");
        check("select * from labels join TR|", "TR: transactions");
        check("select TX_| from transactions", "TX_: TX_AMOUNT, TX_DATETIME");
        check("select tx_| from transactions", "tx_: TX_AMOUNT, TX_DATETIME");
        check("select tx_|", "tx_: TX_FRAUD, TX_AMOUNT, TX_DATETIME");
        check(
            "select tr| from labels join transactions",
            "tr: TRANSACTION_ID, transactions, true",
        );
        check("select labels.|", ": TRANSACTION_ID, TX_FRAUD");
        check("select l.tx| from labels l", "tx: TX_FRAUD");
        check("select t.tx| from transactions as t", "tx: TX_AMOUNT, TX_DATETIME");
        check("select x.t| from transactions as t", "t: ");
        check("select 1; select tx_| from labels; select 2", "tx_: TX_FRAUD");
        check("select 'tr|", ": ");
        check("select 1 -- tr|", ": ");
        check("select 1 gro|", "gro: group by");
        check("select count|", "count: count(, count(*)");
        check("select ä, cou|", "cou: count(, count(*)");
        check("select |", ": ");
        check("\\|", ": d, x, timing, format, ?, q");
        check("\\ti|", "ti: timing");
        check("\\d |", ": labels, transactions");
        check("\\d tra|", "tra: transactions");
        check("\\format n|", "n: ndjson");
        check("\\x o|", "o: off, on");
    }

    #[test]
    fn keywords_stand_in_order() {
        let words: Vec<&str> = KEYWORDS.iter().copied().filter(|word| !word.contains('(')).collect();
        assert!(words.is_sorted(), "{words:?}");
    }
}
