//! Opens the tables: of a running local stack, of its files, or of AWS.

use local::dynamodb::{DynamoDb, file, url_file};
use store::client::{Connection, Identity, connect};
use store::{RetryPolicy, Store, TableNames};

use crate::args::PlaceArgs;

/// Settling is not done here, so how long results are kept does not matter.
const RESULT_TTL_SECS: u64 = 86_400;

pub(crate) struct Place {
    store: Store,
    embedded: Option<DynamoDb>,
}

impl Place {
    pub(crate) async fn open(args: &PlaceArgs) -> Result<Place, String> {
        let tables = TableNames {
            accounts: args.accounts_table.clone(),
            jobs: args.jobs_table.clone(),
            hosts: args.hosts_table.clone(),
        };
        let store = async |connection: &Connection| {
            Store::new(connect(connection).await, tables.clone(), RetryPolicy::default(), RESULT_TTL_SECS)
        };
        let identity = Identity::Chain { profile: args.profile.clone() };
        let mut connection = Connection { endpoint: args.endpoint.clone(), region: args.region.clone(), identity };
        let mut embedded = None;
        if let Some(dir) = &args.data_dir {
            if !file(dir).exists() {
                return Err(format!("{} holds no data; start the local stack with DATA_DIR={0} first", dir.display()));
            }
            // A stack that runs says where; a file left behind by one that was killed leads nowhere.
            connection.endpoint = std::fs::read_to_string(url_file(dir)).ok();
            let running = match &connection.endpoint {
                Some(_) => store(&connection).await.ping().await.is_ok(),
                None => false,
            };
            if !running {
                let started = DynamoDb::open_files(dir).await.map_err(|e| e.to_string())?;
                connection.endpoint = Some(started.url().to_owned());
                embedded = Some(started);
            }
        }
        let store = store(&connection).await;
        store.ping().await.map_err(|e| e.to_string())?;
        Ok(Place { store, embedded })
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
