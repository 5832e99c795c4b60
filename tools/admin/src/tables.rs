//! Opens the tables: of a running local server, in the files of a stopped one, or in AWS.

use std::path::Path;

use local::dynamodb::DynamoDb;
use local::layout::tables_file;
use store::client::{Connection, Identity, connect};
use store::{RetryPolicy, Store, TableNames};

use crate::args::TablesArgs;

/// Retention of results. Has no effect, because this tool settles no job.
const RESULT_TTL_SECS: u64 = 86_400;

pub(crate) struct OpenTables {
    store: Store,
    embedded: Option<DynamoDb>,
}

impl OpenTables {
    pub(crate) async fn open(args: &TablesArgs) -> Result<OpenTables, String> {
        let tables = TableNames {
            accounts: args.accounts_table.clone(),
            jobs: args.jobs_table.clone(),
            hosts: args.hosts_table.clone(),
        };
        let identity = Identity::Chain { profile: args.profile.clone() };
        let mut connection =
            Connection { endpoint: args.endpoint.clone(), region: args.region.clone(), identity, http: None };
        let mut embedded = None;
        if let Some(dir) = &args.data_dir {
            if !tables_file(dir).exists() {
                return Err(format!(
                    "{} contains no data; start the local server with DATA_DIR={0} first",
                    dir.display()
                ));
            }
            connection = match running(dir).await {
                Some(connection) => connection,
                None => {
                    let started = DynamoDb::start(Some(dir)).await.map_err(|e| e.to_string())?;
                    let connection = started.service().connection();
                    embedded = Some(started);
                    connection
                }
            };
        }
        let store = Store::new(connect(&connection).await, tables, RetryPolicy::default(), RESULT_TTL_SECS);
        store.accounts.ping().await.map_err(|e| e.to_string())?;
        Ok(OpenTables { store, embedded })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// Returns a connection to the local server that serves this folder, if one is running.
async fn running(dir: &Path) -> Option<Connection> {
    #[cfg(unix)]
    if local::socket::is_served(dir).await {
        return Some(local::socket::service(dir).connection());
    }
    let _ = dir;
    None
}
