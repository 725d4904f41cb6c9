use super::*;

fn parse_all(args: &[&str]) -> Result<Command, String> {
    let args = ["policy-explain"].iter().chain(args);
    parse(Parser::from_iter(args)).map_err(|error| error.to_string())
}

fn side(text: &str) -> Subject {
    text.parse().expect("an address")
}

fn question() -> Question {
    Question {
        from: side("a@x.example"),
        to: side("y.example"),
        stage: Stage::Stanza,
        protocol: None,
        topic: Topic::Message,
        assurance: Assurance::Certified,
        peer: None,
    }
}

fn explain(question: Question, compare: Option<&str>, format: Format) -> Command {
    let task = Task::Explain {
        rules: "r.toml".into(),
        question: Box::new(question),
        compare: compare.map(PathBuf::from),
    };
    Command::Run(task, format)
}

#[test]
fn rules_and_two_sides_are_enough() {
    assert_eq!(
        parse_all(&["r.toml", "--from=a@X.example", "--to", "y.example"]),
        Ok(explain(question(), None, Format::People))
    );
}

#[test]
fn every_option_is_read_wherever_it_stands() {
    let question = Question {
        stage: Stage::Subscription,
        protocol: Some(Protocol::Sip),
        topic: Topic::Presence,
        assurance: Assurance::DialedBack,
        peer: Some((
            [192, 0, 2, 1].into(),
            Some("sip.x.example".parse().expect("a name")),
        )),
        ..question()
    };
    let args = [
        "--json",
        "--stage=subscription",
        "--protocol=sip",
        "--to=y.example",
        "--compare=o.toml",
        "r.toml",
        "--topic=presence",
        "--assurance=dialed-back",
        "--peer-name=SIP.x.example",
        "--peer=192.0.2.1",
        "--from=a@x.example",
    ];
    assert_eq!(
        parse_all(&args),
        Ok(explain(question, Some("o.toml"), Format::Json))
    );
}

#[test]
fn every_stage_and_assurance_has_a_name() {
    for (name, expected) in [
        ("connect", Stage::Connect),
        ("header", Stage::StreamHeader),
        ("authentication", Stage::Authentication),
        ("stanza", Stage::Stanza),
        ("subscription", Stage::Subscription),
    ] {
        assert_eq!(stage(name), Ok(expected));
    }
    for (name, expected) in [
        ("none", Assurance::None),
        ("encrypted", Assurance::Encrypted),
        ("dialed-back", Assurance::DialedBack),
        ("certified", Assurance::Certified),
    ] {
        assert_eq!(assurance(name), Ok(expected));
    }
    assert_eq!(protocol("xmpp"), Ok(Protocol::Xmpp));
    assert_eq!(topic("message"), Ok(Topic::Message));
}

#[test]
fn rules_are_checked_without_a_question() {
    let task = Task::Check {
        rules: "r.toml".into(),
    };
    assert_eq!(
        parse_all(&["--check", "r.toml"]),
        Ok(Command::Run(task, Format::People))
    );
}

#[test]
fn nodes_have_names_and_clusters_or_those_of_default() {
    let node = |name: &str, cluster: &str, path: &str| NodeFile {
        name: name.to_owned(),
        cluster: cluster.to_owned(),
        path: path.into(),
    };
    let nodes = vec![
        node("a", "left", "rules/a.toml"),
        node("b", "default", "b=c.toml"),
        node("me@home/c.toml", "default", "me@home/c.toml"),
    ];
    let args = [
        "--nodes",
        "a@left=rules/a.toml",
        "b=b=c.toml",
        "--json",
        "me@home/c.toml",
    ];
    assert_eq!(
        parse_all(&args),
        Ok(Command::Run(Task::Nodes(nodes), Format::Json))
    );
}

#[test]
fn help_and_version_need_nothing_else() {
    assert_eq!(parse_all(&["--help"]), Ok(Command::Help));
    assert_eq!(parse_all(&["r.toml", "--version"]), Ok(Command::Version));
    assert_eq!(
        parse_all(&["--help=me"]),
        Err("--help \"me\": it takes no value".to_owned())
    );
}

#[test]
fn what_cannot_be_used_is_named() {
    let spelling = "write a node as name@cluster=rules.toml, name=rules.toml or rules.toml";
    let node_errors = ["=a.toml", "a@=a.toml", "@left=a.toml", "a@left="]
        .map(|text| (text, format!("--nodes {text:?}: {spelling}")));
    for (text, error) in node_errors {
        assert_eq!(parse_all(&["--nodes", text]), Err(error));
    }
    for (args, error) in [
        (&[][..], "a rule file is missing; see --help"),
        (&["--check"], "a rule file is missing; see --help"),
        (&["r.toml"], "--from is missing; see --help"),
        (
            &["r.toml", "--from=a.example"],
            "--to is missing; see --help",
        ),
        (
            &["r.toml", "o.toml", "--check"],
            "unexpected argument \"o.toml\"; see --help",
        ),
        (
            &["r.toml", "--from=@a.example"],
            "--from \"@a.example\": nothing stands before the @",
        ),
        (
            &["r.toml", "--to=a@b.example/home"],
            "--to \"a@b.example/home\": '/' is not allowed in a domain name",
        ),
        (
            &["r.toml", "--stage=message"],
            "--stage \"message\": give connect, header, authentication, stanza or subscription",
        ),
        (
            &["r.toml", "--protocol=XMPP"],
            "--protocol \"XMPP\": give xmpp or sip",
        ),
        (
            &["r.toml", "--topic=call"],
            "--topic \"call\": give message or presence",
        ),
        (
            &["r.toml", "--assurance=some"],
            "--assurance \"some\": give none, encrypted, dialed-back or certified",
        ),
        (
            &["r.toml", "--peer=sip.x.example"],
            "--peer \"sip.x.example\": give an IP address, as in 192.0.2.10",
        ),
        (
            &["r.toml", "--peer-name=a..b"],
            "--peer-name \"a..b\": the domain name has an empty label",
        ),
        (
            &[
                "r.toml",
                "--from=a.example",
                "--to=b.example",
                "--peer-name=x",
            ],
            "--peer is missing; see --help",
        ),
        (
            &["r.toml", "--from=a.example", "--from=b.example"],
            "--from is given more than once",
        ),
        (
            &["r.toml", "--check", "--from=a.example"],
            "--from does not go with --check; see --help",
        ),
        (
            &["r.toml", "--check", "--compare=o.toml"],
            "--compare does not go with --check; see --help",
        ),
        (
            &["r.toml", "--check", "--nodes"],
            "--check does not go with --nodes; see --help",
        ),
        (
            &["--nodes", "r.toml", "--stage=stanza"],
            "--stage does not go with --nodes; see --help",
        ),
        (
            &["--nodes", "r.toml"],
            "two rule files or more are compared; see --help",
        ),
        (
            &["--nodes", "a=r.toml", "a@left=o.toml"],
            "two nodes are named \"a\"; see --help",
        ),
        (
            &["r.toml", "--verbose"],
            "invalid option '--verbose'; see --help",
        ),
        (&["r.toml", "-j"], "invalid option '-j'; see --help"),
    ] {
        assert_eq!(parse_all(args), Err(error.to_owned()), "{args:?}");
    }
}
