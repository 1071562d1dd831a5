//! The whole program, opened once from one configuration: what both doors are given.

pub mod alarm;
pub mod backups;
pub mod figures;
mod guesses;
pub mod inspection;
mod people;
pub mod proof;
pub mod watch;

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use self::alarm::Alarm;
use crate::auth::device::{self, DeviceName};
use crate::auth::factor::Factors;
use crate::auth::factor::key::KeyFile;
use crate::auth::password::{self, PasswordProblem, Passwords};
use crate::auth::session::Sessions;
use crate::auth::sign_in::{self, Attempt, Tried};
use crate::auth::throttle::Throttle;
use crate::auth::user::User;
use crate::backup::Archive;
use crate::clock::Clock;
use crate::config::Config;
use crate::job::queue::{self, Asked, By, Job, Request, State};
use crate::job::schedule::scheduler;
use crate::job::{Choice, Evidence, Fact, Reaper, Resources, presence, retention, worker};
use crate::notify::Courier;
use crate::operation::Trouble;
use crate::store::{Store, StoreError};
use crate::target::{DatabaseUrl, Target};

/// The program.
#[derive(Clone, Debug)]
pub struct App {
    /// What the operator wrote.
    pub config: Arc<Config>,
    /// Time and ids.
    pub clock: Clock,
    /// Lockkeeper's own database.
    pub store: Store,
    /// What operations work on.
    pub resources: Arc<Resources>,
    /// Hashing, with its limit.
    pub passwords: Passwords,
    /// Second factors.
    pub factors: Factors,
    /// What slows down guesses.
    pub throttle: Throttle,
}

/// What became of a person's decision about an interrupted job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// The job is over, and the target is free.
    Over,
    /// The server was told to end the job's sessions.
    SessionsEnded,
    /// What can be seen now does not allow it.
    NotAllowed(Evidence),
    /// The job was not interrupted any more.
    NotInterrupted,
    /// The target could not be reached.
    Unreachable(Trouble),
}

/// Why the program cannot open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A target's settings cannot be used.
    #[error("target {0}: {1}")]
    Target(String, Trouble),
    /// The store is one of the databases it is to look after.
    #[error(
        "the store {0} is the database of the target {1}. Lockkeeper's own store must live elsewhere: it has to work \
         when that database does not. Leave [store] out to use a file"
    )]
    StoreIsTarget(String, String),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The targets of a configuration, in its order.
pub fn targets(config: &Config) -> Result<Vec<Arc<Target>>, OpenError> {
    config
        .targets
        .iter()
        .map(|settings| {
            Target::from_config(settings)
                .map(Arc::new)
                .map_err(|trouble| OpenError::Target(settings.name.clone(), trouble))
        })
        .collect()
}

impl App {
    /// Opens the store, refuses one that is a target's database, and reads the targets. Connects to no target.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, OpenError> {
        let targets = targets(&config)?;
        if config.store.file.is_none()
            && let Ok(store) = DatabaseUrl::parse(&config.store.url, Path::new("."))
            && let Some(target) = targets
                .iter()
                .find(|target| target.url.is_same_database(&store))
        {
            let place = target.url.safe();
            return Err(OpenError::StoreIsTarget(place, target.name.clone()));
        }
        let store = Store::open(&config.store.url).await?;
        let resources = Resources {
            store: store.clone(),
            archive: Archive::new(config.archive.folder.clone()),
            targets,
        };
        let key = KeyFile::at(config.auth.secret_file.clone());
        let factors = Factors::new(store.clone(), clock.clone(), key);
        let throttle = Throttle::new(store.clone(), clock.clone());
        Ok(Self {
            config: Arc::new(config),
            clock,
            store,
            resources: Arc::new(resources),
            passwords: Passwords::default(),
            factors,
            throttle,
        })
    }

    /// The target of that name.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Arc<Target>> {
        self.resources.target(name)
    }

    /// Sessions in this program's store.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        let idle = self.config.auth.idle_minutes;
        Sessions::new(self.store.clone(), self.clock.clone(), idle)
    }

    /// The known browser of that cookie, if it is one of that user.
    pub async fn known_browser(
        &self,
        cookie: Option<&str>,
        user: &User,
    ) -> Result<Option<DeviceName>, StoreError> {
        match cookie {
            Some(cookie) => device::of_user(&self.store, &self.clock, cookie, user).await,
            None => Ok(None),
        }
    }

    /// Tries to sign in. The caller records what came of it.
    pub async fn sign_in(&self, attempt: Attempt<'_>) -> Result<Tried, StoreError> {
        sign_in::try_sign_in(&self.store, &self.throttle, &self.passwords, attempt).await
    }

    /// Checks a new password of the user called `name`; `with_factor`: whether a second factor is in force for them.
    pub fn check_password(
        &self,
        name: &str,
        password: &SecretString,
        with_factor: bool,
    ) -> Result<(), PasswordProblem> {
        let public = self.config.server.public_url.split("//").last();
        let mut words = vec![name.to_owned(), public.unwrap_or_default().to_owned()];
        for target in &self.resources.targets {
            words.push(target.name.clone());
            words.push(target.url.address());
        }
        password::check(password, with_factor, &words)
    }

    /// Puts an operation into the queue and returns the job's id. When the same request was made before, or the same
    /// operation waits or runs already, that job's id is returned instead: a double click makes one job.
    pub async fn enqueue(&self, request: &Request<'_>) -> Result<String, StoreError> {
        let mut tx = self.store.begin().await?;
        let enqueued = queue::enqueue(&mut tx, &self.clock, request).await?;
        if enqueued.is_new {
            tx.commit().await?;
            self.store.wake().await;
        }
        Ok(enqueued.id)
    }

    /// Asks a job to stop.
    pub async fn cancel(&self, job: &Job, by: By<'_>) -> Result<Asked, StoreError> {
        queue::ask_cancel(&self.store, &self.clock, job, by).await
    }

    /// What can be seen of an interrupted job now, and what a person may decide.
    pub async fn evidence(&self, job: &Job) -> Result<Evidence, StoreError> {
        if job.state != State::Interrupted {
            let state = job.state.word();
            return Ok(Evidence {
                facts: vec![Fact {
                    is_well: None,
                    text: format!(
                        "This job is {state}, not interrupted: there is nothing to decide."
                    ),
                }],
                choices: Vec::new(),
            });
        }
        job.operation.evidence(&self.resources, &job.id).await
    }

    /// Does what a person has decided about an interrupted job; `finding` is what they saw. Everything is looked at again:
    /// what it does not allow any more is not done.
    pub async fn reconcile(
        &self,
        job: &Job,
        by: By<'_>,
        choice: Choice,
        finding: &str,
    ) -> Result<Reconciled, StoreError> {
        let now = queue::get(&self.store, &job.id).await?;
        let Some(job) = now.filter(|job| job.state == State::Interrupted) else {
            return Ok(Reconciled::NotInterrupted);
        };
        let evidence = self.evidence(&job).await?;
        if !evidence.choices.contains(&choice) {
            return Ok(Reconciled::NotAllowed(evidence));
        }
        let Some(verdict) = job.operation.verdict(&job, choice, finding) else {
            let deed = "sessions ended";
            if !queue::note_deed(&self.store, &self.clock, &job, by, deed, finding).await? {
                return Ok(Reconciled::NotInterrupted);
            }
            let ended = job.operation.end_sessions(&self.resources, &job.id).await;
            return Ok(match ended {
                Ok(()) => Reconciled::SessionsEnded,
                Err(trouble) => Reconciled::Unreachable(trouble),
            });
        };
        // As long as the job is interrupted the target is its alone: afterwards, what lies about may be somebody else's.
        job.operation.clear(&self.resources, &job.id).await;
        if !queue::reconcile(&self.store, &self.clock, &job, by, &verdict).await? {
            return Ok(Reconciled::NotInterrupted);
        }
        if choice == Choice::Succeeded {
            job.operation.settle(&self.resources, &self.clock).await?;
        }
        Ok(Reconciled::Over)
    }

    /// Looks for jobs whose program has gone away, as a console does all the time. `reaper` remembers between two looks;
    /// true: there is one that it has to watch a little longer.
    pub async fn reap(&self, reaper: &mut Reaper) -> Result<bool, StoreError> {
        reaper.look(&self.resources, &self.store, &self.clock).await
    }

    /// Runs the workers of this process until `stop` is cancelled and what is under way has ended, and tends the store
    /// meanwhile.
    pub async fn work(&self, stop: CancellationToken) {
        let serve = worker::serve(
            self.resources.clone(),
            self.store.clone(),
            self.clock.clone(),
            self.config.worker.at_once,
            stop.clone(),
        );
        tokio::join!(serve, self.tend(stop));
    }

    /// What every process on the store does, also one that runs no jobs, until `stop` is cancelled: a job whose worker
    /// was killed must not read as running for ever, and what is due must not wait for one particular process.
    pub async fn tend(&self, stop: CancellationToken) {
        let reap = Reaper::run(
            self.resources.clone(),
            self.store.clone(),
            self.clock.clone(),
            stop.clone(),
        );
        let tidy = async {
            tokio::select! {
                () = self.tidy() => {}
                () = stop.cancelled() => {}
            }
        };
        let schedule = scheduler::run(self.store.clone(), self.clock.clone(), stop.clone());
        // Whether or not it runs jobs, nobody may put another store into this one's place.
        let me = self.clock.id();
        let present = presence::keep(
            self.store.clone(),
            self.clock.clone(),
            me.clone(),
            0,
            stop.clone(),
        );
        let courier = Courier::new(self.store.clone(), self.clock.clone(), &self.config);
        // On the heap: both are large.
        let deliver = Box::pin(courier.run(stop.clone()));
        let alarm = Box::pin(Alarm::run(self.clone(), me, stop.clone()));
        tokio::join!(reap, schedule, tidy, present, deliver, alarm);
    }

    /// Removes what is older than it is kept for, at once and each hour, and lets the store tidy up, at once and each
    /// day. Never returns; dropped, it stops between two transactions or undoes the one that it is in.
    async fn tidy(&self) {
        for hour in 0_u64.. {
            if let Err(error) = self.sessions().expire().await {
                tracing::warn!(%error, "expired sessions could not be removed");
            }
            if let Err(error) = self.throttle.expire().await {
                tracing::warn!(%error, "old counts of failed sign-ins could not be removed");
            }
            if let Err(error) = device::expire(&self.store, &self.clock).await {
                tracing::warn!(%error, "browsers that were not used for long could not be removed");
            }
            let keep = self.config.store.keep;
            if let Err(error) = retention::tidy(&self.store, &self.clock, keep).await {
                tracing::warn!(%error, "what is older than it is kept for could not be removed");
            }
            if hour % 24 == 0
                && let Err(error) = self.store.maintain().await
            {
                tracing::warn!(%error, "the store could not be tidied up");
            }
            tokio::time::sleep(std::time::Duration::from_hours(1)).await;
        }
    }

    /// Runs one enqueued job in this process. False when another process took it, or the target is busy.
    pub async fn run_here(&self, id: &str, stop: &CancellationToken) -> Result<bool, StoreError> {
        worker::run_here(&self.resources, &self.store, &self.clock, id, stop)
            .await
            .map(|ran| ran.is_some())
    }
}
