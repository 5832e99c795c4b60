//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use domain::{AccountId, JobId, Plan};

#[derive(Debug, Parser)]
#[command(name = "admin", about = "Runo's operator tool: accounts, keys, credits and the invariant check")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the tables are. Without any of these: the AWS environment's.
#[derive(Debug, ClapArgs)]
pub(crate) struct PlaceArgs {
    /// Data folder of a local stack, running or not
    #[arg(long, global = true, value_name = "DIR", conflicts_with_all = ["endpoint", "profile"])]
    pub(crate) data_dir: Option<PathBuf>,
    /// DynamoDB endpoint, like http://127.0.0.1:8000
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// AWS profile
    #[arg(long, global = true)]
    pub(crate) profile: Option<String>,
    /// AWS region
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// Name of the accounts table
    #[arg(long, global = true, default_value = "runo-accounts")]
    pub(crate) accounts_table: String,
    /// Name of the jobs table
    #[arg(long, global = true, default_value = "runo-jobs")]
    pub(crate) jobs_table: String,
    /// Name of the hosts table
    #[arg(long, global = true, default_value = "runo-hosts")]
    pub(crate) hosts_table: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Accounts: create, suspend, resume, plan, top-up, usage
    #[command(subcommand)]
    Account(AccountCommand),
    /// API keys: create, schema, revoke, list
    #[command(subcommand)]
    Key(KeyCommand),
    /// Webhooks: the secrets that messages are signed with
    #[command(subcommand)]
    Hook(HookCommand),
    /// Jobs: cancel
    #[command(subcommand)]
    Job(JobCommand),
    /// Check the invariants over all tables; exit code 1 if any is broken
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Create an account with a dynamic key, which is shown once
    Create {
        /// free, starter, pro or scale
        #[arg(long, value_parser = plan)]
        plan: Plan,
        /// Its id; made up if not given
        #[arg(long, value_parser = account)]
        id: Option<AccountId>,
        /// Calls a minute, instead of the plan's
        #[arg(long)]
        rate: Option<u64>,
    },
    /// Refuse all its calls and cancel its running jobs: what has not started is refunded
    Suspend {
        /// Which
        #[arg(value_parser = account)]
        account: AccountId,
    },
    /// Take its calls again
    Resume {
        /// Which
        #[arg(value_parser = account)]
        account: AccountId,
    },
    /// Change its plan, the current month's quota included
    Plan {
        /// Which
        #[arg(value_parser = account)]
        account: AccountId,
        /// free, starter, pro or scale
        #[arg(value_parser = plan)]
        plan: Plan,
    },
    /// Add prepaid credits
    Topup {
        /// Which
        #[arg(value_parser = account)]
        account: AccountId,
        /// How many
        #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
        credits: u64,
        /// The payment's id: the same one is booked once, however often it is given
        #[arg(long)]
        id: Option<String>,
    },
    /// Show plan, month and balance
    Usage {
        /// Which
        #[arg(value_parser = account)]
        account: AccountId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// An account's secret: create, rotate, revoke, list
    #[command(subcommand)]
    Secret(SecretCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Make the account's secret, which is shown once
    Create {
        /// Whose
        #[arg(long, value_parser = account)]
        account: AccountId,
    },
    /// Make another secret, which is shown once; messages bear the old one's signature too for a while
    Rotate {
        /// Whose
        #[arg(long, value_parser = account)]
        account: AccountId,
        /// For how many hours the old one signs as well
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=8_760))]
        keep_hours: u64,
    },
    /// Revoke all secrets: messages that wait are not sent any more, and calls with a webhook are refused
    Revoke {
        /// Whose
        #[arg(long, value_parser = account)]
        account: AccountId,
    },
    /// List secrets by their last characters and until when they sign
    List {
        /// Whose
        #[arg(long, value_parser = account)]
        account: AccountId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Cancel a job, whoever's it is: what has not started is refunded
    Cancel {
        /// Which
        #[arg(value_parser = job)]
        job: JobId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key, which is shown once: dynamic, or static with a schema bound to it
    Create {
        /// Whose
        #[arg(long, value_parser = account)]
        account: AccountId,
        /// A file with the schema of a static key
        #[arg(long, value_name = "FILE")]
        schema: Option<PathBuf>,
        /// Keep the operator's model out of all calls with a static key
        #[arg(long, requires = "schema")]
        no_model: bool,
    },
    /// Bind another schema to a static key; calls that were accepted keep the one that they had
    Schema {
        /// Whose
        #[arg(long, value_parser = account)]
        account: AccountId,
        /// A file with the schema
        #[arg(long, value_name = "FILE")]
        schema: PathBuf,
        /// Keep the operator's model out of all calls with it
        #[arg(long)]
        no_model: bool,
        /// The key or its hash; standard input if missing or "-"
        key: Option<String>,
    },
    /// Revoke a key, given itself or by the hash that `list` shows; read from standard input if it is not given, so that
    /// the shell's history does not keep it
    Revoke {
        /// Whose
        #[arg(long, value_parser = account)]
        account: AccountId,
        /// The key or its hash; standard input if missing or "-"
        key: Option<String>,
    },
    /// List keys, masked, with their hashes
    List {
        /// Whose
        #[arg(long, value_parser = account)]
        account: AccountId,
    },
}

fn plan(text: &str) -> Result<Plan, String> {
    Plan::parse(text).ok_or_else(|| format!("must be one of {}", Plan::ALL.map(Plan::name).join(", ")))
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).ok_or_else(|| "must be 1 to 40 of a-z, 0-9, _ and -".into())
}

fn job(text: &str) -> Result<JobId, String> {
    JobId::parse(text).ok_or_else(|| "must be a job's id".into())
}
