//! From exec to the first frame, and to the first that shows the queue.

use std::path::Path;
use std::time::{Duration, Instant};

use super::terminal::Terminal;
use super::{Figure, Plan};
use crate::bench::soak::home::Home;
use crate::bench::{BenchError, Times};

/// How often each start is measured, the first ever apart.
const STARTS: usize = 7;

/// What a start took.
struct Start {
    first: Duration,
    live: Duration,
}

async fn start(plan: &Plan, data_dir: &Path) -> Result<Start, BenchError> {
    let mut terminal = Terminal::start(&plan.program, data_dir).await?;
    let begun = terminal.begun;
    let first = terminal.next(Duration::from_secs(20)).await.ok_or(BenchError::Silent { what: "a first frame" })?;
    let is_live = first.bytes.windows(4).any(|part| part == b"live");
    let live = if is_live { first.at } else { terminal.until("live").await?.at };
    Ok(Start { first: first.at.duration_since(begun), live: live.duration_since(begun) })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The first start on a machine: no cluster is there yet. The yardstick makes and starts one, and
/// nothing else.
pub async fn first_ever(plan: &Plan) -> Result<[Figure; 2], BenchError> {
    let home = Home::make(plan.postgres_bin.clone())?;
    let begun = Instant::now();
    home.cluster().ensure_running().await?;
    let yardstick = ms(begun.elapsed());
    drop(home);
    let home = Home::make(plan.postgres_bin.clone())?;
    let found = start(plan, home.data_dir()).await?;
    Ok([
        Figure::new("the first start ever, to its first frame", None, "ms", ms(found.first)).goal(1_500.0),
        Figure::new("the first start ever, to the queue", None, "ms", ms(found.live))
            .goal(1_500.0)
            .beside("making and starting the server alone", yardstick),
    ])
}

/// Starts with the server down, then with it up.
pub async fn again(plan: &Plan, home: &Home) -> Result<[Figure; 4], BenchError> {
    let [mut servers, mut cold_first, mut cold_live, mut warm_first, mut warm_live] =
        std::array::from_fn(|_| Times::default());
    for _ in 0..STARTS {
        home.cluster().stop().await?;
        let begun = Instant::now();
        home.cluster().ensure_running().await?;
        servers.push(begun.elapsed());
        home.cluster().stop().await?;
        let found = start(plan, home.data_dir()).await?;
        cold_first.push(found.first);
        cold_live.push(found.live);
    }
    for _ in 0..STARTS {
        let found = start(plan, home.data_dir()).await?;
        warm_first.push(found.first);
        warm_live.push(found.live);
    }
    let server = servers.percentile_ms(50);
    let figure = |what, times: &Times, goal| {
        let mut figure = Figure::new(what, None, "ms", times.percentile_ms(50)).goal(goal);
        figure.worst = Some(times.percentile_ms(100));
        figure.beside("starting the server alone", server)
    };
    Ok([
        figure("a start with the server down, to its first frame", &cold_first, 250.0),
        figure("a start with the server down, to the queue", &cold_live, 250.0),
        figure("a start, to its first frame", &warm_first, 120.0),
        figure("a start, to the queue", &warm_live, 120.0),
    ])
}
