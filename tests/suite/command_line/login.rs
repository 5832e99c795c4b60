//! `runo login`: what it stores, who may read it, and what overrides it.

use std::fs;

use serde_json::{Value, json};
use tokio::process::Command;

use super::{run_command, run_with_input, runo_without_config};
use crate::support::server::Folder;
use crate::support::stack::World;

fn at(folder: &Folder, args: &[&str]) -> Command {
    let mut command = runo_without_config(args);
    command.env("XDG_CONFIG_HOME", &folder.0);
    command
}

#[tokio::test]
async fn a_login_is_stored_for_its_owner_only_and_used() {
    let (world, folder) = (World::start().await, Folder::new("cli-login"));
    let login = run_with_input(at(&folder, &["login", "--base-url", world.base()]), "sk_live_test\n").await;
    assert_eq!(login.code, 0, "{login:?}");
    assert!(login.err.contains("account dev, plan scale") && !login.err.contains("sk_live_test"), "{login:?}");
    let file = folder.0.join("runo/config.json");
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(kept, json!({ "base_url": world.base(), "api_key": "sk_live_test" }));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&folder.0.join("runo"))), (0o600, 0o700));
    }
    let usage = run_command(at(&folder, &["usage"])).await;
    assert_eq!((usage.code, &usage.lines()[0]["account_id"]), (0, &json!("dev")), "{usage:?}");

    // Each environment variable overrides the stored value by itself.
    let other = world.account("other", domain::Plan::Pro, None, None).await;
    let mut command = at(&folder, &["usage"]);
    command.env("RUNO_API_KEY", &other.key);
    assert_eq!(run_command(command).await.lines()[0]["account_id"], "other");
    let mut command = at(&folder, &["usage"]);
    command.env("RUNO_BASE_URL", "http://127.0.0.1:1");
    assert_eq!(run_command(command).await.code, 7);

    // A key that the service does not know is not stored; the stored one stays.
    let wrong = run_with_input(at(&folder, &["login"]), "sk_live_wrong\n").await;
    assert_eq!(wrong.code, 5, "{wrong:?}");
    assert_eq!(run_with_input(at(&folder, &["login"]), "\n").await.code, 5);
    assert_eq!(run_command(at(&folder, &["usage"])).await.code, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_login_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let (world, folder) = (World::start().await, Folder::new("cli-shared"));
    assert_eq!(run_with_input(at(&folder, &["login", "--base-url", world.base()]), "sk_live_test").await.code, 0);
    fs::set_permissions(folder.0.join("runo/config.json"), fs::Permissions::from_mode(0o644)).unwrap();
    let usage = run_command(at(&folder, &["usage"])).await;
    assert!(usage.code == 0 && usage.err.contains("others can read"), "{usage:?}");
}
