//! The question in a request: `sql`, `format` and `rows`.

use crate::question::{AnswerFormat, DEFAULT_ROWS, MOST_ROWS, MOST_SQL_BYTES, Question};

/// Why a form has no question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongForm {
    /// A name that means nothing here.
    #[error("unknown: '{0}'; expected sql, format or rows")]
    Unknown(String),
    /// A name with two values.
    #[error("'{0}' is there twice")]
    Twice(String),
    /// There is no query.
    #[error("no query: expected sql=SELECT... as a form")]
    NoSql,
    /// The query is too long.
    #[error("the query has {0} bytes; at most {MOST_SQL_BYTES} are read")]
    LongSql(usize),
    /// There is no such format.
    #[error("format is '{0}', expected csv or json")]
    Format(String),
    /// The number of rows is none, or too large.
    #[error("rows is '{0}', expected a number from 1 to {MOST_ROWS}")]
    Rows(String),
    /// There is a form in the body and one in the address.
    #[error("expected a form in the body or in the address, got both")]
    TwoForms,
}

/// Reads a question from the text of a form: that behind `?` of an address, or of a body.
///
/// # Errors
/// A value is missing, wrong, there twice or unknown.
pub(crate) fn question_of_form(form: &str, accept: &str) -> Result<Question, WrongForm> {
    let [mut sql, mut format, mut rows] = [None, None, None];
    for (name, value) in form_urlencoded::parse(form.as_bytes()) {
        let place = match &*name {
            "sql" => &mut sql,
            "format" => &mut format,
            "rows" => &mut rows,
            _ => return Err(WrongForm::Unknown(name.into_owned())),
        };
        if place.replace(value.into_owned()).is_some() {
            return Err(WrongForm::Twice(name.into_owned()));
        }
    }
    let sql = sql.ok_or(WrongForm::NoSql)?;
    Ok(Question {
        sql: checked_sql(sql)?,
        format: format.map_or_else(|| Ok(accepted(accept)), |format| named(&format))?,
        rows: rows.map_or(Ok(DEFAULT_ROWS), |rows| number(&rows))?,
    })
}

/// A question whose body is the SQL itself; the other values are behind `?` of the address.
///
/// # Errors
/// As [`question_of_form`].
pub(crate) fn question_of_text(
    sql: String,
    form: &str,
    accept: &str,
) -> Result<Question, WrongForm> {
    let with_sql = format!("{form}&sql=SELECT");
    let question = question_of_form(with_sql.trim_start_matches('&'), accept)?;
    Ok(Question {
        sql: checked_sql(sql)?,
        ..question
    })
}

fn checked_sql(sql: String) -> Result<String, WrongForm> {
    if sql.len() > MOST_SQL_BYTES {
        return Err(WrongForm::LongSql(sql.len()));
    }
    Ok(sql)
}

/// CSV for those who name it; browsers and `curl` accept everything.
fn accepted(accept: &str) -> AnswerFormat {
    if accept.contains("text/csv") {
        AnswerFormat::Csv
    } else {
        AnswerFormat::Json
    }
}

fn named(format: &str) -> Result<AnswerFormat, WrongForm> {
    match format {
        "csv" => Ok(AnswerFormat::Csv),
        "json" => Ok(AnswerFormat::Json),
        other => Err(WrongForm::Format(other.to_owned())),
    }
}

fn number(rows: &str) -> Result<u32, WrongForm> {
    let number = rows.parse().ok();
    number
        .filter(|rows| (1..=MOST_ROWS).contains(rows))
        .ok_or_else(|| WrongForm::Rows(rows.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_a_query_with_a_format_and_a_number_of_rows() {
        let read = |form: &str, accept: &str| question_of_form(form, accept);
        let sql = "SELECT 'a+b' AS \"x&y\"";
        let question = read("sql=SELECT+%27a%2Bb%27+AS+%22x%26y%22&rows=5", "*/*").unwrap();
        assert_eq!((question.sql.as_str(), question.rows), (sql, 5));
        assert_eq!(question.format, AnswerFormat::Json);
        assert_eq!(read("sql=", "text/csv").unwrap().format, AnswerFormat::Csv);
        let named = read("sql=&format=json", "text/csv").unwrap();
        assert_eq!(
            (named.format, named.rows),
            (AnswerFormat::Json, DEFAULT_ROWS)
        );
    }

    #[test]
    fn what_is_missing_wrong_twice_or_unknown_is_named() {
        for (form, named) in [
            ("", "sql"),
            ("SELECT 1", "'SELECT 1'"),
            ("sql=a&sql=b", "'sql'"),
            ("sql=a&format=xml", "'xml'"),
            ("sql=a&rows=0", "'0'"),
            ("sql=a&rows=-1", "'-1'"),
            ("sql=a&rows=1e9", "'1e9'"),
            ("sql=a&table=b", "'table'"),
        ] {
            let error = question_of_form(form, "").unwrap_err().to_string();
            assert!(error.contains(named), "{form}: {error}");
        }
        let long = "x".repeat(MOST_SQL_BYTES + 1);
        assert!(question_of_text(long, "", "").is_err());
        assert!(question_of_text("SELECT 1".to_owned(), "sql=a", "").is_err());
        let question = question_of_text("SELECT 1".to_owned(), "rows=2", "").unwrap();
        assert_eq!((question.sql.as_str(), question.rows), ("SELECT 1", 2));
    }
}
