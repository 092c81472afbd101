//! Queries from outside, such as those that `cntflow serve` answers: which of them may run.
//!
//! The statement is read by the parser that Polars' SQL has, with the same options, before Polars
//! sees it. What is not known to read the tables alone is refused, so that a table function or a
//! statement that a later version of Polars adds is refused as well.

use std::ops::ControlFlow;

use sqlparser::ast::{Query, Select, Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};

/// Why a query from outside is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedQuery {
    /// It is no SQL.
    #[error("the query cannot be read as SQL")]
    Unreadable(#[from] ParserError),
    /// It has none or several statements.
    #[error("expected one statement, got {0}")]
    Statements(usize),
    /// It is another statement than a query, or has one in it.
    #[error("only SELECT is answered here")]
    NotASelect,
    /// It would put its answer somewhere.
    #[error("SELECT ... INTO writes, and only reading is answered here")]
    Into,
    /// It has a clause that does more than read.
    #[error("locks, settings and output formats are no part of a query here")]
    Clause,
    /// It reads from something that is no table of the folder.
    #[error("only the tables of the folder are read here, no table function")]
    TableFunction,
}

/// Makes sure that a query does nothing but read registered tables: one statement, a SELECT (or
/// VALUES, or a union of these) with tables, subqueries and `UNNEST` in its FROM.
///
/// # Errors
/// It does something else.
pub fn check_read_only(sql: &str) -> Result<(), RefusedQuery> {
    // As `SQLContext::execute` reads it.
    let options = ParserOptions {
        trailing_commas: true,
        ..ParserOptions::default()
    };
    let statements = Parser::new(&GenericDialect)
        .with_options(options)
        .try_with_sql(sql)?
        .parse_statements()?;
    let [Statement::Query(query)] = statements.as_slice() else {
        return Err(match statements.len() {
            1 => RefusedQuery::NotASelect,
            n => RefusedQuery::Statements(n),
        });
    };
    match query.visit(&mut ReadOnly) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refused) => Err(refused),
    }
}

/// Looks at every part of a query.
struct ReadOnly;

impl Visitor for ReadOnly {
    type Break = RefusedQuery;

    /// The statement around the query is not visited, so this one is within it: an INSERT, say.
    fn pre_visit_statement(&mut self, _: &Statement) -> ControlFlow<RefusedQuery> {
        ControlFlow::Break(RefusedQuery::NotASelect)
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<RefusedQuery> {
        let does_more = !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        break_if(does_more, RefusedQuery::Clause)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<RefusedQuery> {
        break_if(select.into.is_some(), RefusedQuery::Into)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<RefusedQuery> {
        let is_table = match factor {
            TableFactor::Table { args, .. } => args.is_none(),
            TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => true,
            _ => false,
        };
        break_if(!is_table, RefusedQuery::TableFunction)
    }
}

fn break_if(is_refused: bool, why: RefusedQuery) -> ControlFlow<RefusedQuery> {
    if is_refused {
        ControlFlow::Break(why)
    } else {
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_tables_are_allowed() {
        for sql in [
            "SELECT * FROM networks",
            "select status, count(*) AS n from networks group by status order by n limit 3;",
            "SELECT checkpoint, step, FROM networks",
            "WITH a AS (SELECT * FROM layers) SELECT * FROM a JOIN networks USING (checkpoint)",
            "SELECT * FROM (SELECT run FROM networks) AS a UNION ALL SELECT run FROM networks",
            "SELECT * FROM (networks AS a JOIN layers AS b ON a.checkpoint = b.checkpoint)",
            "SELECT run FROM networks WHERE run IN (SELECT run FROM networks_shuffle)",
            "VALUES (1, 2)",
            "SELECT * FROM UNNEST([1, 2]) AS t (a)",
        ] {
            assert_eq!(check_read_only(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn table_functions_are_refused_wherever_they_stand() {
        for function in [
            "read_csv('/etc/passwd')",
            "read_parquet('/etc/passwd')",
            "READ_IPC('a.ipc')",
            "read_json('https://example.org/a.json')",
            "read_ndjson('a')",
            "\"read_csv\"('/etc/passwd')",
            "scan_delta()",
            "TABLE(read_csv('/etc/passwd'))",
            "LATERAL flatten(a)",
        ] {
            for sql in [
                format!("SELECT * FROM {function}"),
                format!("SELECT * FROM networks, {function}"),
                format!("SELECT * FROM networks JOIN {function} AS f ON TRUE"),
                format!("WITH a AS (SELECT * FROM {function}) SELECT * FROM a"),
                format!("SELECT (SELECT x FROM {function}) FROM networks"),
                format!("SELECT * FROM networks WHERE run IN (SELECT run FROM {function})"),
                format!("SELECT 1 UNION SELECT * FROM {function}"),
                format!("SELECT * FROM (SELECT * FROM (SELECT * FROM {function}) AS a) AS b"),
                format!("SELECT 1 ORDER BY (SELECT x FROM {function})"),
            ] {
                let refused = check_read_only(&sql);
                assert!(refused.is_err(), "{sql}");
            }
            assert_eq!(
                check_read_only(&format!("SELECT * FROM {function}")),
                Err(RefusedQuery::TableFunction),
                "{function}"
            );
        }
    }

    #[test]
    fn statements_that_are_no_queries_are_refused() {
        for sql in [
            "CREATE TABLE a AS SELECT * FROM networks",
            "CREATE OR REPLACE TABLE networks AS SELECT 1",
            "DROP TABLE networks",
            "TRUNCATE TABLE networks",
            "DELETE FROM networks",
            "DELETE FROM networks WHERE TRUE",
            "INSERT INTO networks VALUES (1)",
            "UPDATE networks SET run = 'a'",
            "COPY networks TO '/tmp/a'",
            "COPY (SELECT 1) TO '/tmp/a'",
            "EXPLAIN SELECT * FROM networks",
            "SHOW TABLES",
            "SET a = 1",
            "ATTACH DATABASE 'a' AS b",
            "WITH a AS (INSERT INTO networks VALUES (1)) SELECT * FROM a",
            "WITH a AS (DELETE FROM networks) SELECT * FROM a",
            "WITH a AS (SELECT 1) INSERT INTO networks SELECT * FROM a",
        ] {
            assert!(check_read_only(sql).is_err(), "{sql}");
        }
        assert_eq!(
            check_read_only("DROP TABLE networks"),
            Err(RefusedQuery::NotASelect)
        );
        assert_eq!(
            check_read_only("SELECT * INTO a FROM networks"),
            Err(RefusedQuery::Into)
        );
    }

    #[test]
    fn there_is_exactly_one_statement() {
        for (sql, n) in [
            ("", 0),
            (" -- nothing", 0),
            ("SELECT 1; DROP TABLE networks", 2),
            ("SELECT 1; SELECT 2", 2),
        ] {
            assert_eq!(check_read_only(sql), Err(RefusedQuery::Statements(n)));
        }
        assert!(matches!(
            check_read_only("CHOOSE 1"),
            Err(RefusedQuery::Unreadable(_))
        ));
    }

    #[test]
    fn nesting_without_end_is_an_error() {
        let depth = 100_000;
        let sql = format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(matches!(
            check_read_only(&sql),
            Err(RefusedQuery::Unreadable(_))
        ));
    }
}
