//! The texts of functions and `DO` blocks.
//!
//! They are parsed with the grammars of their languages, and each statement and expression within is judged like any other. What
//! a block puts together while it runs is not known before, so a block that does that is refused.

use pg_query::NodeEnum;
use pg_query::protobuf::{CreateFunctionStmt, DefElem, DoStmt, Token};
use serde_json::Value;

use super::super::effect::strings;
use super::super::parse::{self, offset};
use super::super::{scanner, tree};
use super::definition::Definitions;
use super::{LeftOut, Verdict, refuse, verdict};

/// The options of a function or a block.
pub(super) fn options(nodes: &[pg_query::Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) => Some(option.as_ref()),
        _ => None,
    })
}

/// The text of an option; of several the first.
pub(super) fn text(option: &DefElem) -> String {
    match option.arg.as_ref().and_then(|value| value.node.as_ref()) {
        Some(NodeEnum::String(text)) => text.sval.clone(),
        Some(NodeEnum::List(list)) => strings(&list.items).into_iter().next().unwrap_or_default(),
        _ => String::new(),
    }
}

fn option(nodes: &[pg_query::Node], name: &str) -> Option<String> {
    options(nodes)
        .find(|option| option.defname == name)
        .map(text)
}

/// Whether a function is one expression over its arguments, in SQL, which only computes. What it names is bound when it runs, so
/// it may name nothing that could become another: no relation, no part of a row.
pub(super) fn computes(create: &CreateFunctionStmt, definitions: &Definitions) -> bool {
    /// Options that change nothing about what runs.
    const PLAIN: [&str; 10] = [
        "as",
        "cost",
        "language",
        "leakproof",
        "parallel",
        "rows",
        "security",
        "strict",
        "volatility",
        "window",
    ];
    let is_plain = options(&create.options).all(|option| PLAIN.contains(&option.defname.as_str()));
    let has_defaults = create.parameters.iter().any(|parameter| {
        matches!(&parameter.node, Some(NodeEnum::FunctionParameter(one)) if one.defexpr.is_some())
    });
    if !is_plain || has_defaults || create.is_procedure {
        return false;
    }
    let computes = |tree: &Value| is_expression(tree) && definitions.must_compute(tree).is_ok();
    if let Some(body) = create.sql_body.as_ref().and_then(|body| body.node.as_ref()) {
        return computes(&tree::of(body));
    }
    let is_sql = option(&create.options, "language").as_deref() == Some("sql");
    let body = option(&create.options, "as").unwrap_or_default();
    is_sql
        && parse::with_nodes(&body).is_ok_and(|statements| match statements.as_slice() {
            [(_, node @ NodeEnum::SelectStmt(_))] => computes(&tree::of(node)),
            _ => false,
        })
}

/// Whether a tree only queries, no relation and no part of a row.
fn is_expression(tree: &Value) -> bool {
    let mut is_so = true;
    tree::each(tree, &mut |kind, inside| {
        is_so &= match kind {
            "SelectStmt" | "ReturnStmt" => true,
            "ColumnRef" => inside["fields"]
                .as_array()
                .is_some_and(|parts| parts.len() == 1),
            "RangeVar" | "AIndirection" | "AStar" => false,
            other => !other.ends_with("Stmt"),
        };
    });
    is_so
}

/// What is to be done with a block.
pub(super) fn block(block: &DoStmt, definitions: &mut Definitions) -> Result<Verdict, String> {
    let language = option(&block.args, "language");
    if language.is_some_and(|language| language != "plpgsql") {
        return refuse("is a block in another language than PL/pgSQL");
    }
    let body = option(&block.args, "as").unwrap_or_default();
    let text = format!("DO '{}'", body.replace('\'', "''"));
    let parsed = parsed(&text, &body)?;
    let (mut runs, mut left, mut looks) = (false, None, false);
    for query in sql_of(&parsed)? {
        let Ok(statements) = parse::with_nodes(&query) else {
            return refuse("is a block with a statement that could not be read");
        };
        for (_, node) in statements {
            if let NodeEnum::SelectStmt(select) = &node {
                let tree = tree::of(&node);
                definitions.must_compute(&tree)?;
                if select.into_clause.is_some() || tree::has(&tree, verdict::WRITING) {
                    return refuse("is a block with a query that writes or locks");
                }
                looks |= tree::names_others(&tree);
                continue;
            }
            match verdict::of(&node, definitions)? {
                Verdict::Run => runs = true,
                Verdict::Leave(what) => left = Some(what),
                Verdict::WithoutRows | Verdict::Plain => {
                    return refuse("is a block with a statement that is not replayed as it stands");
                }
                Verdict::Refuse(why) => return refuse(why),
            }
        }
    }
    match (runs, left) {
        (true, Some(_)) => refuse(
            "is a block that makes schema and does something else, which cannot be taken apart",
        ),
        (true, None) if looks => refuse(
            "is a block that makes schema and looks at relations that have no rows in a replay",
        ),
        (true, None) => Ok(Verdict::Run),
        (false, left) => Ok(Verdict::Leave(left.unwrap_or(LeftOut::Session))),
    }
}

/// What the grammar of PL/pgSQL makes of a block or a function whose body is `body`.
fn parsed(statement: &str, body: &str) -> Result<Value, String> {
    const UNREAD: &str = "has a body that could not be read";
    // `#option dump` has the parser print to our output.
    if scanner::exhausting_run(body).is_some() || body.contains('\0') || body.contains("#option") {
        return refuse(UNREAD);
    }
    let parsed = pg_query::parse_plpgsql(statement).map_err(|_| UNREAD.to_owned())?;
    // The default of a variable of row type is not part of what the parser tells.
    let mut rows = Vec::new();
    tree::each(&parsed, &mut |kind, inside| {
        if kind == "PLpgSQL_rec" {
            rows.extend(inside["refname"].as_str());
        }
    });
    if !rows.is_empty() && gives_value(body, &rows) {
        return refuse("has a body that declares a row with a value, which cannot be looked into");
    }
    Ok(parsed)
}

/// Whether one of these variables may be declared with a value: it is named, but not by `FOR` nor for a part of it, and something
/// that gives a value follows in the same statement.
fn gives_value(body: &str, variables: &[&str]) -> bool {
    let Ok(tokens) = scanner::tokens(body) else {
        return true;
    };
    let words: Vec<String> = tokens
        .iter()
        .filter(|token| !matches!(token.token(), Token::SqlComment | Token::CComment))
        .filter_map(|token| body.get(offset(token.start)..offset(token.end)))
        .map(|word| {
            match word
                .strip_prefix('"')
                .and_then(|word| word.strip_suffix('"'))
            {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => word.to_lowercase(),
            }
        })
        .collect();
    // Names with escapes are not read here.
    if words.iter().any(|word| word.starts_with("u&")) {
        return true;
    }
    words.iter().enumerate().any(|(at, word)| {
        let is_loop = at > 0 && words[at - 1] == "for";
        let mut behind = words[at + 1..]
            .iter()
            .take_while(|word| *word != ";")
            .peekable();
        variables.contains(&word.as_str())
            && !is_loop
            && behind.peek().is_none_or(|next| *next != ".")
            && behind.any(|word| matches!(word.as_str(), ":=" | "=" | "default"))
    })
}

/// The statements and expressions in a body, each as a statement of its own.
fn sql_of(parsed: &Value) -> Result<Vec<String>, String> {
    /// What a body may do beside its statements.
    const STEPS: [&str; 16] = [
        "assert",
        "assign",
        "block",
        "case",
        "dynexecute",
        "execsql",
        "exit",
        "fori",
        "fors",
        "getdiag",
        "if",
        "loop",
        "perform",
        "raise",
        "return",
        "while",
    ];
    let mut queries = Vec::new();
    let mut why = None;
    tree::each(parsed, &mut |kind, inside| {
        let step = kind.strip_prefix("PLpgSQL_stmt_");
        if let Some(step) = step
            && !STEPS.contains(&step)
        {
            why.get_or_insert_with(|| {
                format!("has a body with a step that is not looked into ({step})")
            });
        }
        if step == Some("dynexecute") {
            match constant(&inside["query"]["PLpgSQL_expr"]) {
                Some(text) => queries.push(text),
                None => why = Some("runs a statement that it puts together itself".to_owned()),
            }
        }
        if kind == "PLpgSQL_expr" {
            match statements(inside) {
                Some(found) => queries.extend(found),
                None => {
                    why = Some("has a body with an expression that could not be read".to_owned());
                }
            }
        }
    });
    match why {
        Some(why) => Err(why),
        None => Ok(queries),
    }
}

/// An expression of PL/pgSQL as statements. The modes are those of the server's parser (`RawParseMode`).
fn statements(expression: &Value) -> Option<Vec<String>> {
    let query = expression["query"].as_str()?;
    let value = |text: &str| format!("SELECT {text}");
    match expression["parseMode"].as_i64()? {
        0 => Some(vec![query.to_owned()]),
        2 => Some(vec![value(query)]),
        // `a[f(x)] := g(y)`: both sides are evaluated.
        3..=5 => {
            let tokens = scanner::tokens(query).ok()?;
            let sign = tokens
                .iter()
                .find(|token| matches!(token.token(), Token::ColonEquals | Token::Ascii61))?;
            let (left, right) = (
                query.get(..offset(sign.start))?,
                query.get(offset(sign.end)..)?,
            );
            Some(vec![value(left), value(right)])
        }
        _ => None,
    }
}

/// The text that an expression is, where it is nothing but a constant.
fn constant(expression: &Value) -> Option<String> {
    let statements =
        parse::with_nodes(&format!("SELECT {}", expression["query"].as_str()?)).ok()?;
    let [(_, NodeEnum::SelectStmt(select))] = statements.as_slice() else {
        return None;
    };
    let [target] = select.target_list.as_slice() else {
        return None;
    };
    let Some(NodeEnum::ResTarget(target)) = &target.node else {
        return None;
    };
    match target.val.as_ref()?.node.as_ref()? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            pg_query::protobuf::a_const::Val::Sval(text) => Some(text.sval.clone()),
            _ => None,
        },
        _ => None,
    }
}
