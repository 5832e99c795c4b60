//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use domain::{AccountId, JobId, Plan};

#[derive(Debug, Parser)]
#[command(name = "admin", about = "Runo's operator tool: accounts, keys, credits and the invariant check")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) tables: TablesArgs,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the tables are; by default in AWS, with the region and credentials of the environment.
#[derive(Debug, ClapArgs)]
pub(crate) struct TablesArgs {
    /// Data folder of a local server, running or not
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
    /// Accounts: create, suspend, resume, plan, topup, usage
    #[command(subcommand)]
    Account(AccountCommand),
    /// API keys: create, schema, revoke, list
    #[command(subcommand)]
    Key(KeyCommand),
    /// Webhooks: secrets that sign messages
    #[command(subcommand)]
    Hook(HookCommand),
    /// Jobs: cancel
    #[command(subcommand)]
    Job(JobCommand),
    /// Check all invariants over all tables; exits with 1 if any is violated
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Create an account with a dynamic key; the key is shown once
    Create {
        /// free, starter, pro or scale
        #[arg(long, value_parser = plan)]
        plan: Plan,
        /// Id of the account; random by default
        #[arg(long, value_parser = account)]
        id: Option<AccountId>,
        /// Calls per minute, instead of the plan's
        #[arg(long)]
        rate: Option<u64>,
    },
    /// Refuse all calls of an account and cancel its running jobs; units that have not started are refunded
    Suspend {
        /// Id of the account
        #[arg(value_parser = account)]
        account: AccountId,
    },
    /// Accept calls of a suspended account again
    Resume {
        /// Id of the account
        #[arg(value_parser = account)]
        account: AccountId,
    },
    /// Change an account's plan, including the current month's quota
    Plan {
        /// Id of the account
        #[arg(value_parser = account)]
        account: AccountId,
        /// free, starter, pro or scale
        #[arg(value_parser = plan)]
        plan: Plan,
    },
    /// Add prepaid credits
    Topup {
        /// Id of the account
        #[arg(value_parser = account)]
        account: AccountId,
        /// Number of credits
        #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
        credits: u64,
        /// Id of the payment, which is booked only once; random by default
        #[arg(long)]
        id: Option<String>,
    },
    /// Show an account's plan, usage of the month and balance
    Usage {
        /// Id of the account
        #[arg(value_parser = account)]
        account: AccountId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Secrets of an account: create, rotate, revoke, list
    #[command(subcommand)]
    Secret(SecretCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Create the account's secret; it is shown once
    Create {
        /// Id of the account
        #[arg(long, value_parser = account)]
        account: AccountId,
    },
    /// Replace the secret by a new one, which is shown once; for a while messages are signed with both
    Rotate {
        /// Id of the account
        #[arg(long, value_parser = account)]
        account: AccountId,
        /// Hours for which the old secret signs too
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=8_760))]
        keep_hours: u64,
    },
    /// Revoke all secrets: pending messages are not sent, and calls with a webhook are refused
    Revoke {
        /// Id of the account
        #[arg(long, value_parser = account)]
        account: AccountId,
    },
    /// List secrets by their last characters, with the time until which they sign
    List {
        /// Id of the account
        #[arg(long, value_parser = account)]
        account: AccountId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Cancel a job of any account; units that have not started are refunded
    Cancel {
        /// Id of the job
        #[arg(value_parser = job)]
        job: JobId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key, dynamic or static with a schema bound to it; the key is shown once
    Create {
        /// Id of the account
        #[arg(long, value_parser = account)]
        account: AccountId,
        /// File with the schema of a static key
        #[arg(long, value_name = "FILE")]
        schema: Option<PathBuf>,
        /// Never use the operator's model for calls with this key
        #[arg(long, requires = "schema")]
        no_model: bool,
    },
    /// Bind another schema to a static key; calls that were accepted before keep their schema
    Schema {
        /// Id of the account
        #[arg(long, value_parser = account)]
        account: AccountId,
        /// File with the schema
        #[arg(long, value_name = "FILE")]
        schema: PathBuf,
        /// Never use the operator's model for calls with this key
        #[arg(long)]
        no_model: bool,
        /// The key or its hash; standard input if missing or "-"
        key: Option<String>,
    },
    /// Revoke a key, given as itself or as the hash that `list` shows; if not given, it is read from standard input, so
    /// that it does not appear in the shell's history
    Revoke {
        /// Id of the account
        #[arg(long, value_parser = account)]
        account: AccountId,
        /// The key or its hash; standard input if missing or "-"
        key: Option<String>,
    },
    /// List keys, masked, with their hashes
    List {
        /// Id of the account
        #[arg(long, value_parser = account)]
        account: AccountId,
    },
}

fn plan(text: &str) -> Result<Plan, String> {
    Plan::parse(text).ok_or_else(|| format!("must be one of {}", Plan::ALL.map(Plan::name).join(", ")))
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).ok_or_else(|| "must be 1 to 40 characters of a-z, 0-9, _ and -".into())
}

fn job(text: &str) -> Result<JobId, String> {
    JobId::parse(text).ok_or_else(|| "must be a job id, such as job_0123456789abcdef".into())
}
