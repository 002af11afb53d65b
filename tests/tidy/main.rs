//! The house's own order, checked in seconds on the ground floor: floors, closures, versions, files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every crate with its floor. An arrow goes strictly down.
const FLOORS: [(&str, u8); 18] = [
    ("tidemill", 7),
    ("tidemill-api", 6),
    ("tidemill-control", 5),
    ("tidemill-training", 4),
    ("tidemill-serve", 4),
    ("tidemill-features", 3),
    ("tidemill-monitor", 3),
    ("tidemill-engine", 2),
    ("tidemill-ingest", 2),
    ("tidemill-sources", 2),
    ("tidemill-models", 1),
    ("tidemill-project", 1),
    ("tidemill-kafka", 1),
    ("tidemill-broker", 1),
    ("tidemill-lake", 1),
    ("tidemill-registry", 1),
    ("tidemill-types", 0),
    ("tidemill-stats", 0),
];

/// Crates that compile without DataFusion, so that their tests and benches are quick to build.
const LIGHT: [&str; 9] = [
    "tidemill-types",
    "tidemill-stats",
    "tidemill-models",
    "tidemill-project",
    "tidemill-kafka",
    "tidemill-broker",
    "tidemill-registry",
    "tidemill-sources",
    "tidemill-serve",
];

/// Packages of which the lock file holds one version.
const ONE_VERSION: [&str; 4] = ["arrow", "datafusion", "tokio", "axum"];

/// Longest source file, in lines.
const FILE_LINES_MAX: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the crate lies two folders below the root")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below `dir` with this ending, but for build output and hidden folders.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let skipped = name.starts_with('.') || name == "target";
            if path.is_dir() && !skipped {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Our own dependencies of each crate: `[dependencies]` alone, as tests may reach further.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let mut arrows = BTreeMap::new();
    for entry in fs::read_dir(root().join("crates")).expect("there are crates").flatten() {
        let manifest: toml::Table = read(&entry.path().join("Cargo.toml"))
            .parse()
            .expect("a manifest is TOML");
        let name = manifest["package"]["name"]
            .as_str()
            .expect("a package has a name")
            .to_owned();
        let ours = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flat_map(toml::Table::keys)
            .filter(|dependency| dependency.starts_with("tidemill"))
            .cloned()
            .collect();
        arrows.insert(name, ours);
    }
    arrows
}

/// The lock file: package name to its versions and the names it depends on.
fn locked() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let lock: toml::Table = read(&root().join("Cargo.lock")).parse().expect("a lock file is TOML");
    let mut packages: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for package in lock["package"].as_array().expect("a lock file lists packages") {
        let name = package["name"].as_str().expect("a package has a name").to_owned();
        let entry = packages.entry(name).or_default();
        entry
            .0
            .insert(package["version"].as_str().expect("a package has a version").to_owned());
        for dependency in package
            .get("dependencies")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = dependency
                .as_str()
                .and_then(|text| text.split(' ').next())
                .expect("a dependency has a name");
            entry.1.insert(name.to_owned());
        }
    }
    packages
}

#[test]
fn arrows_go_strictly_down() {
    let floors: BTreeMap<&str, u8> = FLOORS.into();
    let arrows = arrows();
    let listed: BTreeSet<&str> = floors.keys().copied().collect();
    let present: BTreeSet<&str> = arrows.keys().map(String::as_str).collect();
    assert_eq!(present, listed, "every crate stands on a floor");
    for (from, targets) in &arrows {
        for to in targets {
            assert!(
                floors[from.as_str()] > floors[to.as_str()],
                "`{from}` must not depend on `{to}`"
            );
        }
    }
}

#[test]
fn light_crates_see_no_datafusion() {
    let packages = locked();
    for light in LIGHT {
        let mut seen = BTreeSet::new();
        let mut queue = vec![light.to_owned()];
        while let Some(name) = queue.pop() {
            if seen.insert(name.clone()) {
                queue.extend(
                    packages
                        .get(&name)
                        .into_iter()
                        .flat_map(|(_, dependencies)| dependencies.iter().cloned()),
                );
            }
        }
        let heavy: Vec<_> = seen
            .iter()
            .filter(|name| name.starts_with("datafusion") || *name == "deltalake")
            .collect();
        assert!(heavy.is_empty(), "`{light}` reaches {heavy:?}");
    }
}

#[test]
fn the_lock_file_holds_one_version_of_what_must_be_one() {
    let packages = locked();
    for name in ONE_VERSION {
        assert_eq!(packages[name].0.len(), 1, "{name}: {:?}", packages[name].0);
    }
}

#[test]
fn no_sql_file_is_an_orphan() {
    let root = root();
    // The peers of a bench speak SQL too.
    let sources: String = [("crates", ".rs"), ("benches", ".py"), ("benches", ".java")]
        .iter()
        .flat_map(|(folder, ending)| files(&root.join(folder), ending))
        .map(|path| read(&path))
        .collect();
    for path in files(&root, ".sql") {
        let relative = path.strip_prefix(&root).expect("found below the root").to_path_buf();
        // A project's own statements are found by their folder; the tidiness of their headers is validated elsewhere.
        let of_a_project = relative.starts_with("sql") || relative.starts_with("examples");
        // A source names a file as `name.sql`, by `"folder/name"` or, a migration, by `, "name")`
        // where a macro adds the rest.
        let stem = relative
            .file_stem()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned();
        let folder = relative
            .parent()
            .and_then(Path::file_name)
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let spellings = [
            format!("{stem}.sql"),
            format!(", \"{stem}\")"),
            format!("\"{folder}/{stem}\""),
        ];
        let named = spellings.iter().any(|spelling| sources.contains(spelling));
        assert!(of_a_project || named, "nothing names `{}`", relative.display());
    }
}

#[test]
fn architecture_names_every_crate_and_folder() {
    let root = root();
    let text = read(&root.join("ARCHITECTURE.md"));
    for (name, _) in FLOORS {
        assert!(
            text.contains(&format!("`{name}`")),
            "ARCHITECTURE.md does not name the crate `{name}`"
        );
    }
    for entry in fs::read_dir(&root).expect("the root is readable").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let counted = entry.path().is_dir() && !name.starts_with('.') && name != "target";
        assert!(
            !counted || text.contains(&format!("`{name}/`")),
            "ARCHITECTURE.md does not name the folder `{name}/`"
        );
    }
}

/// The containers are of the versions that the scripts in tests/servers start.
#[test]
fn containers_and_scripts_start_the_same_versions() {
    let compose = read(&root().join("docker/compose.yaml"));
    let of_script = |name: &str| {
        let text = read(&root().join("tests/servers").join(name));
        let version = text.lines().find_map(|line| line.strip_prefix("version="));
        version.unwrap_or_else(|| panic!("{name} names no version")).to_owned()
    };
    let pom = read(&root().join("tests/servers/kafka/pom.xml"));
    let versions = pom.match_indices("<version>").map(|(at, tag)| &pom[at + tag.len()..]);
    let kafka = versions
        .filter_map(|rest| rest.split('<').next())
        .last()
        .unwrap_or_default();
    for (image, version) in [
        ("apache/kafka", kafka),
        ("quay.io/apicurio/apicurio-registry", &of_script("registry.sh")),
        ("motoserver/moto", &of_script("s3.sh")),
    ] {
        let line = format!("image: {image}:{version}\n");
        assert!(compose.contains(&line), "docker/compose.yaml has no `{}`", line.trim());
    }
}

#[test]
fn no_source_file_is_too_long() {
    let root = root();
    let mut paths = files(&root.join("crates"), ".rs");
    paths.extend(files(&root.join("tests"), ".rs"));
    paths.extend(files(&root.join("benches"), ".rs"));
    paths.extend(files(&root.join("examples"), ".rs"));
    for path in paths {
        let lines = read(&path).lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines", path.display());
    }
}
