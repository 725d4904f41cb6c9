use super::*;

fn parse_all(args: &[&str]) -> Result<Command, String> {
    let args = ["comity-doctor"].iter().chain(args);
    parse(Parser::from_iter(args)).map_err(|error| error.to_string())
}

fn task(args: &[&str]) -> Task {
    match parse_all(args) {
        Ok(Command::Run(task, _)) => *task,
        other => panic!("{other:?}"),
    }
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

#[test]
fn a_domain_alone_is_checked_by_both_protocols() {
    let expected = Check {
        domain: name("b.example"),
        config: None,
        ours: None,
        protocols: Protocols::Both,
        subscribe: None,
        roots: None,
    };
    assert_eq!(task(&["check", "B.example"]), Task::Check(expected));
}

#[test]
fn a_check_has_its_options() {
    let args = [
        "check",
        "b.example",
        "--as=a.example",
        "--config=g.toml",
        "--protocol=sip",
        "--subscribe=sip:u@b.example",
        "--roots=roots.pem",
        "--resolver=192.0.2.53",
        "--json",
        "--all",
        "--allow-private",
        "--allow-loopback",
    ];
    let expected = Check {
        domain: name("b.example"),
        config: Some("g.toml".into()),
        ours: Some(name("a.example")),
        protocols: Protocols::Sip,
        subscribe: Some("u@b.example".parse().unwrap()),
        roots: Some("roots.pem".into()),
    };
    let settings = Settings {
        resolvers: vec![([192, 0, 2, 53], 53).into()],
        allow_private: true,
        allow_loopback: true,
        format: Format::Json,
        all: true,
    };
    let command = Command::Run(Box::new(Task::Check(expected)), settings);
    assert_eq!(parse_all(&args), Ok(command));
}

#[test]
fn every_command_is_known() {
    let config = || PathBuf::from("g.toml");
    assert_eq!(
        task(&["self", "--config=g.toml"]),
        Task::Own {
            config: config(),
            remember: None
        }
    );
    assert_eq!(
        task(&["dns", "--config=g.toml"]),
        Task::Dns { config: config() }
    );
    let domain = name("b.example");
    let route = Task::Route {
        config: config(),
        domain,
    };
    for asked in ["b.example", "u@b.example"] {
        assert_eq!(task(&["route", asked, "--config=g.toml"]), route);
    }
    let explain = Task::Explain {
        config: config(),
        from: "u@a.example".parse().unwrap(),
        to: "b.example".parse().unwrap(),
    };
    let args = [
        "explain",
        "--config=g.toml",
        "--from=u@a.example",
        "--to=b.example",
    ];
    assert_eq!(task(&args), explain);
}

#[test]
fn nodes_may_be_named() {
    let node = |name: &str, cluster: &str, path: &str| NodeFile {
        name: name.to_owned(),
        cluster: cluster.to_owned(),
        path: path.into(),
    };
    let nodes = task(&["compare", "one@left=1.toml", "two=2.toml", "3.toml"]);
    let expected = [
        node("one", "left", "1.toml"),
        node("two", "default", "2.toml"),
        node("3.toml", "default", "3.toml"),
    ];
    assert_eq!(nodes, Task::Compare(expected.into()));
}

#[test]
fn a_subject_is_written_as_for_openssl() {
    let csr = |args: &[&str]| {
        let task = task(&[&["csr", "--config=g.toml"], args].concat());
        let Task::Csr(csr) = task else {
            panic!("{task:?}");
        };
        csr
    };
    assert_eq!(csr(&[]).ca, CaProfile::Public);
    let asked = csr(&[
        "--key=k.pem",
        "--ca=private",
        "--subject=/C=DE/O=Example GmbH/CN=a.example",
    ]);
    assert_eq!(asked.key, Some("k.pem".into()));
    assert_eq!(asked.ca, CaProfile::Private);
    assert_eq!(asked.subject.country.as_deref(), Some("DE"));
    assert_eq!(asked.subject.organization.as_deref(), Some("Example GmbH"));
    assert_eq!(asked.subject.common_name.as_deref(), Some("a.example"));
    assert_eq!(asked.subject.state, None);
}

#[test]
fn an_error_says_what_to_change() {
    let config = "--config=g.toml";
    for (args, error) in [
        (&[][..], "a command is missing; see --help"),
        (&["cure"], "there is no command \"cure\"; see --help"),
        (&["check"], "a domain is missing; see --help"),
        (
            &["check", "a..b"],
            "\"a..b\" is no domain: the domain name has an empty label",
        ),
        (
            &["check", "a.example", "b.example"],
            "unexpected argument \"b.example\"; see --help",
        ),
        (&["self"], "--config is missing; see --help"),
        (
            &["self", "a.example"],
            "unexpected argument \"a.example\"; see --help",
        ),
        (&["explain", config], "--from is missing; see --help"),
        (&["route", config], "a domain is missing; see --help"),
        (&["route", "b.example"], "--config is missing; see --help"),
        (
            &["csr", config, "--as=a.example"],
            "--as belongs to another command; see --help",
        ),
        (
            &["compare", "1.toml", config],
            "--config belongs to another command; see --help",
        ),
        (
            &["csr", config, "--resolver=::1"],
            "--resolver belongs to another command; see --help",
        ),
        (
            &["compare", "1.toml"],
            "two configurations or more are compared; see --help",
        ),
        (
            &["compare", "1.toml", "1.toml"],
            "two nodes are named \"1.toml\"; see --help",
        ),
        (
            &["compare", "1.toml", "=2.toml"],
            "\"=2.toml\": write a node as name@cluster=gateway.toml, name=gateway.toml or \
             gateway.toml",
        ),
        (
            &["check", "--protocol=h323"],
            "--protocol \"h323\": give xmpp, sip or all",
        ),
        (
            &["csr", "--subject=CN=a"],
            "--subject \"CN=a\": write it as in /C=DE/ST=Hessen/L=Kassel/O=Example/OU=IT/CN=a.example",
        ),
        (
            &["csr", "--ca=ours"],
            "--ca \"ours\": give public, organization or private",
        ),
        (
            &["--json=yes"],
            "unexpected argument for option '--json': \"yes\"; see --help",
        ),
        (
            &["check", "--colour"],
            "invalid option '--colour'; see --help",
        ),
    ] {
        assert_eq!(parse_all(args), Err(error.to_owned()), "{args:?}");
    }
}
