//! What people write who come from another mapping language, and what is written here. Only for help in messages.

/// What stands for a function that other languages have and this one has not under that name.
pub(super) fn function(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('_', "");
    Some(match name.as_str() {
        "uppercase" | "upcase" | "touppercase" | "toupper" | "ucase" => "`upper` writes a text in capital letters",
        "lowercase" | "downcase" | "tolowercase" | "tolower" | "lcase" => "`lower` writes a text in small letters",
        "string" | "tostring" | "str" | "totext" => "`text(x)` or a hole, `\"{x}\"`, writes a value as text",
        "number" | "float" | "tofloat" | "tonumber" | "parsefloat" | "parsenumber" | "todecimal" => {
            "`decimal(t)` reads a text as an exact number"
        }
        "toint" | "parseint" | "integer" => "`int(x)` takes a whole number, `int(decimal(t))` reads one from a text",
        "size" | "len" => "`count` counts the elements of a list, `length` the characters of a text",
        "substring" | "substr" | "left" | "mid" | "take" | "head" => {
            "`x.slice(from, to)` is a part of a text or list, from 0, `to` not included"
        }
        "skip" | "drop" | "tail" | "rest" => "`xs.slice(n)` is a list or text without its first `n`",
        "mapeach" | "foreach" | "collect" | "select" => "`xs.map(x => …)`, or `for x in xs { … }`",
        "where" | "grep" | "reject" => "`xs.filter(x => …)`, or `for x in xs where … { … }`",
        "find" => "`xs.first(x => …)` is the first element for which a condition holds",
        "some" | "exists" | "anymatch" => "`xs.any(x => …)` asks a list; `a.b? != missing` whether there is a field",
        "every" | "allmatch" => "`xs.all(x => …)`",
        "includes" | "indexof" | "has" | "in" => {
            "`x in xs`, `xs.contains(x)`, `t.contains(\"part\")`; `m[\"k\"]? != missing` for a key"
        }
        "reduce" | "fold" | "aggregate" => {
            "`sum`, `min`, `max`, `join`, `group_by`, `index_by` go over a list; there is no general fold"
        }
        "sort" | "orderby" | "order" | "sorted" => "`xs.sort_by(x => x.name)`",
        "unique" | "uniq" => "`xs.distinct()`, or `xs.distinct(x => x.id)`",
        "concat" | "append" | "push" | "prepend" => "`a + b` joins two texts, `[xs, ys].flatten()` two lists",
        "compact" => "`xs.present()` drops missing, null and blank elements",
        "default" | "coalesce" | "nvl" | "or" | "ifnull" | "isnull" | "orelse" | "ifempty" => {
            "`a ?? b` is b where a is missing or null; `present(a) ?? b` where it is blank, too"
        }
        "catch" | "try" => "`a catch b` is b where a fails",
        "isempty" | "empty" | "isblank" | "notempty" => {
            "`given(x)` is false for missing, null and blank text; `xs.count() == 0` for a list"
        }
        "strip" | "stripwhitespace" | "trimstart" | "trimend" | "ltrim" | "rtrim" => {
            "`trim` takes white space off both ends"
        }
        "replaceall" => "`replace` replaces every occurrence, `replace_pattern` what a pattern finds",
        "match" | "test" | "regex" | "rematch" | "regexmatch" => "`t.matches('^[0-9]+$')`",
        "parseregex" | "refind" | "extract" => "`t.capture('([0-9]+)')` is what a pattern finds",
        "tofixed" | "formatnumber" => "`\"{round(x, 2, \"half_even\")}\"` writes so many decimals",
        "ceiling" => "`ceil(x)`",
        "trunc" => "`round(x, 0, \"down\")` cuts a number, `t.truncate(n)` a text",
        "mod" | "modulo" => "`a % b`",
        "power" | "pow" | "sqrt" | "random" => "there is none: a mapping is exact, and the same for the same payload",
        "now" | "today" | "currentdate" | "uuid" | "uuidv4" | "guid" => {
            "a mapping knows no clock and no chance: the same payload gives the same result. A time comes with the event or run"
        }
        "env" | "getenv" | "var" => "what differs between environments stands in `settings`",
        "todate" | "parsedate" => "`date(t)`, or `date(t, \"d.M.yyyy\")` for another form",
        "parsetimestamp" | "tsparse" | "strptime" | "totimestamp" | "tomillis" => {
            "`parse_time(t)`, or with a pattern; `from_unix(n)` for seconds since 1970"
        }
        "formattimestamp" | "tsformat" | "strftime" | "formatdate" | "frommillis" => {
            "`t.in_zone(\"Europe/Oslo\").format(\"dd.MM.yyyy\")`, `d.format(\"dd.MM.yyyy\")` for a date"
        }
        "fromjson" | "jsonparse" | "decodejson" => "`parse_json(t)`",
        "tojson" | "encodejson" | "stringify" | "formatjson" => "`json(x)`",
        "without" | "del" | "delete" | "remove" => "`r.omit([\"name\"])`; a field is left out by assigning `missing`",
        "assign" | "spread" => "`{ ...a ...b }`, or `merge(a, b)`",
        "sift" | "each" | "toentries" | "topairs" => "`r.entries()` is a list of `{ key, value }`",
        "lookup" | "get" => "`m[\"key\"]?`; a table is asked in the same way: `rates[\"USD\"]`",
        "sha2" | "hash" | "md5" => "`sha256(t)`",
        "encodebase64" | "btoa" => "`base64_encode(t)`",
        "decodebase64" | "atob" => "`base64_decode(t)`",
        "urlencode" | "encodeurl" | "encodeuri" | "encodeuricomponent" => "`url_encode(t)`",
        "jsonpath" | "jmespath" | "path" => "`x.query('$.lines[*].id')`",
        "throw" | "error" | "abort" | "raise" | "assert" => {
            "`fail(\"why\")`, or `require condition else \"why\"` in a body"
        }
        "typeof" | "type" | "kind" | "isstring" | "isnumber" => {
            "types are declared and known when compiling; `x catch …` where a payload may hold anything"
        }
        "if" | "iif" | "iff" => "`if c then a else b`",
        _ => return None,
    })
}
