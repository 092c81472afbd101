//! The processes of a cluster by what a scheduler says in its environment variables.

use super::{Cluster, DEFAULT_CONNECT_TIMEOUT};
use crate::error::DataflowError;

/// The port of the first process on a machine, unless another one is given.
const KUBERNETES_PORT: u16 = 2101;

/// Slurm runs several jobs on one machine: the port of each is its number modulo this, above
/// [`FIRST_SLURM_PORT`].
const SLURM_PORTS: u64 = 20_000;
const FIRST_SLURM_PORT: u16 = 20_000;

/// Most processes of a cluster. A list of nodes may stand for any number of names.
const MAX_PROCESSES: usize = 16_384;

/// Waits for processes that a scheduler starts minutes after the first one.
const SCHEDULER_PATIENCE: u32 = 10;

impl Cluster {
    /// The place of this process in a job step of Slurm, with tasks distributed in blocks:
    /// `SLURM_PROCID`, `SLURM_NTASKS`, the list of nodes, and the tasks of each. `variable` looks
    /// up a variable of the environment.
    ///
    /// # Errors
    /// A variable is missing, or contradicts the others.
    pub fn from_slurm(
        variable: impl Fn(&str) -> Option<String>,
        port: Option<u16>,
    ) -> Result<Self, DataflowError> {
        let need = |names: &[&str]| needed(&variable, names);
        let process = number(&need(&["SLURM_PROCID"])?)?;
        let n_processes = number(&need(&["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"])?)?;
        let nodes = nodes(&need(&["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"])?)?;
        let per_node = need(&["SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"])?;
        let per_node = tasks_per_node(&per_node)?;
        let port = match port {
            Some(port) => port,
            None => {
                let job = need(&["SLURM_JOB_ID"])?;
                let job: u64 = job
                    .parse()
                    .map_err(|_| bad(format!("SLURM_JOB_ID is '{job}', which is no number")))?;
                FIRST_SLURM_PORT + (job % SLURM_PORTS) as u16
            }
        };
        let mut addresses = Vec::new();
        for (node, n_tasks) in nodes.iter().zip(per_node) {
            for task in 0..n_tasks {
                let port = usize::from(port) + task;
                addresses.push(format!("{node}:{port}"));
            }
        }
        if addresses.len() != n_processes {
            return Err(bad(format!(
                "Slurm starts {n_processes} tasks, and its list of nodes has places for {}",
                addresses.len()
            )));
        }
        Self::of_scheduler(process, addresses)
    }

    /// The place of this process in an indexed job of Kubernetes: `JOB_COMPLETION_INDEX`, and from
    /// the manifest `CNTFLOW_PROCESSES` and `CNTFLOW_HOST`, the name of a pod with `{}` for its
    /// index.
    ///
    /// # Errors
    /// A variable is missing or is no number.
    pub fn from_kubernetes(
        variable: impl Fn(&str) -> Option<String>,
        port: Option<u16>,
    ) -> Result<Self, DataflowError> {
        let need = |name: &str| needed(&variable, &[name]);
        let process = number(&need("JOB_COMPLETION_INDEX")?)?;
        let n_processes = number(&need("CNTFLOW_PROCESSES")?)?;
        let host = need("CNTFLOW_HOST")?;
        if !host.contains("{}") {
            return Err(bad(format!(
                "CNTFLOW_HOST is '{host}', which has no {{}} for the index of a pod"
            )));
        }
        let port = port.unwrap_or(KUBERNETES_PORT);
        let address = |index: usize| format!("{}:{port}", host.replace("{}", &index.to_string()));
        Self::of_scheduler(process, (0..n_processes).map(address).collect())
    }

    fn of_scheduler(process: usize, addresses: Vec<String>) -> Result<Self, DataflowError> {
        Ok(Self {
            connect_timeout: SCHEDULER_PATIENCE * DEFAULT_CONNECT_TIMEOUT,
            any_address: true,
            ..Self::new(process, addresses)?
        })
    }
}

fn bad(reason: String) -> DataflowError {
    DataflowError::BadScheduler { reason }
}

/// The value of the first variable that is set.
fn needed(
    variable: impl Fn(&str) -> Option<String>,
    names: &[&str],
) -> Result<String, DataflowError> {
    let values = names.iter().filter_map(|name| variable(name));
    let mut values = values.filter(|value| !value.is_empty());
    values.next().ok_or_else(|| {
        bad(format!(
            "the environment variable {} is not set",
            names.join(" or ")
        ))
    })
}

/// A count or an index.
fn number(text: &str) -> Result<usize, DataflowError> {
    match text.parse() {
        Ok(number) if number <= MAX_PROCESSES => Ok(number),
        _ => Err(bad(format!("'{text}' is no number up to {MAX_PROCESSES}"))),
    }
}

/// The names in a list such as `gpu1,node[01-03,07]`.
fn nodes(list: &str) -> Result<Vec<String>, DataflowError> {
    let mut nodes = Vec::new();
    for item in split_outside_brackets(list) {
        nodes.extend(expanded(item)?);
        if nodes.len() > MAX_PROCESSES {
            return Err(bad(format!("{list}: more than {MAX_PROCESSES} nodes")));
        }
    }
    Ok(nodes)
}

fn split_outside_brackets(list: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (index, c) in list.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    items.push(&list[start..]);
    items
}

/// The names that `rack[1-2]n[01-03]` stands for, in this order.
fn expanded(item: &str) -> Result<Vec<String>, DataflowError> {
    let Some((before, rest)) = item.split_once('[') else {
        return Ok(vec![item.to_owned()]);
    };
    let (ranges, after) = rest
        .split_once(']')
        .ok_or_else(|| bad(format!("{item}: a bracket is not closed")))?;
    let ends = expanded(after)?;
    let mut names = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bounds = (first.parse::<usize>(), last.parse::<usize>());
        let (Ok(from), Ok(to)) = bounds else {
            return Err(bad(format!("{item}: '{range}' is no range of numbers")));
        };
        if to.saturating_sub(from) >= MAX_PROCESSES {
            return Err(bad(format!("{item}: more than {MAX_PROCESSES} nodes")));
        }
        for number in from..=to {
            // Numbers have as many digits as the first one is written with.
            let name = format!("{before}{number:0width$}", width = first.len());
            names.extend(ends.iter().map(|end| format!("{name}{end}")));
            if names.len() > MAX_PROCESSES {
                return Err(bad(format!("{item}: more than {MAX_PROCESSES} nodes")));
            }
        }
    }
    Ok(names)
}

/// The numbers in a list such as `2(x3),1`.
fn tasks_per_node(list: &str) -> Result<Vec<usize>, DataflowError> {
    let mut all = Vec::new();
    for item in list.split(',') {
        let (n_tasks, times) = match item.split_once("(x") {
            Some((n_tasks, times)) => (n_tasks, number(times.trim_end_matches(')'))?),
            None => (item, 1),
        };
        if all.len() + times > MAX_PROCESSES {
            return Err(bad(format!("{list}: more than {MAX_PROCESSES} nodes")));
        }
        all.extend(std::iter::repeat_n(number(n_tasks)?, times));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slurm(changes: &[(&str, &str)]) -> Result<Cluster, DataflowError> {
        let lookup = |name: &str| {
            let changed = changes.iter().find(|(changed, _)| *changed == name);
            let value = match name {
                _ if changed.is_some() => changed.map(|(_, value)| *value),
                "SLURM_PROCID" => Some("3"),
                "SLURM_NTASKS" => Some("5"),
                "SLURM_JOB_NODELIST" => Some("gpu1,node[08-10]"),
                "SLURM_TASKS_PER_NODE" => Some("2,1(x3)"),
                "SLURM_JOB_ID" => Some("123456"),
                _ => None,
            };
            value.map(str::to_owned)
        };
        Cluster::from_slurm(lookup, None)
    }

    #[test]
    fn tasks_of_slurm_have_an_address_each() {
        let cluster = slurm(&[]).unwrap();
        assert_eq!(cluster.process, 3);
        let expected = [
            "gpu1:23456",
            "gpu1:23457",
            "node08:23456",
            "node09:23456",
            "node10:23456",
        ];
        assert_eq!(cluster.addresses, expected);
    }

    #[test]
    fn what_slurm_says_is_checked() {
        for (name, value, expected) in [
            (
                "SLURM_NTASKS",
                "6",
                "starts 6 tasks, and its list of nodes has places for 5",
            ),
            ("SLURM_PROCID", "x", "'x' is no number up to 16384"),
            (
                "SLURM_JOB_ID",
                "",
                "the environment variable SLURM_JOB_ID is not set",
            ),
            ("SLURM_JOB_NODELIST", "node[1-", "a bracket is not closed"),
            (
                "SLURM_JOB_NODELIST",
                "node[a-b]",
                "'a-b' is no range of numbers",
            ),
            (
                "SLURM_JOB_NODELIST",
                "n[0-99999999]",
                "more than 16384 nodes",
            ),
            (
                "SLURM_JOB_NODELIST",
                "n[0-9999]m[0-9999]",
                "more than 16384 nodes",
            ),
        ] {
            let text = slurm(&[(name, value)]).unwrap_err().to_string();
            assert!(text.contains(expected), "{name}={value}: {text}");
        }
    }

    #[test]
    fn lists_of_nodes_are_expanded_in_their_order() {
        let names = nodes("a,rack[1-2]n[01-02,7],b-3").unwrap();
        let expected = "a rack1n01 rack1n02 rack1n7 rack2n01 rack2n02 rack2n7 b-3";
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn pods_of_an_indexed_job_have_an_address_each() {
        let lookup = |name: &str| {
            let value = match name {
                "JOB_COMPLETION_INDEX" => "1",
                "CNTFLOW_PROCESSES" => "3",
                "CNTFLOW_HOST" => "study-{}.study",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let cluster = Cluster::from_kubernetes(lookup, None).unwrap();
        assert_eq!(cluster.process, 1);
        let expected = [
            "study-0.study:2101",
            "study-1.study:2101",
            "study-2.study:2101",
        ];
        assert_eq!(cluster.addresses, expected);
    }
}
