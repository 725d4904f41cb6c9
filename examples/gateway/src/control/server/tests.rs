use comity_testkit::site::Site;

use super::*;

/// Answers every request with its command.
fn echo() -> mpsc::Sender<Request> {
    let (requests, mut received) = mpsc::channel::<Request>(1);
    tokio::spawn(async move {
        while let Some(Request { command, answer }) = received.recv().await {
            let said = match command {
                Command::Shutdown => Err("not\nnow".to_owned()),
                Command::Reload
                | Command::Status
                | Command::Log(_)
                | Command::Redact(_)
                | Command::Learned
                | Command::Forget(_)
                | Command::Restored
                | Command::Help => Ok(vec![format!("{command:?}"), "more".to_owned()]),
            };
            answer.send(said).unwrap();
        }
    });
    requests
}

async fn said(path: &Path, lines: &[u8]) -> String {
    let mut client = UnixStream::connect(path).await.unwrap();
    client.write_all(lines).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn each_line_is_answered_with_lines_and_how_it_went() {
    let folder = Site::new("control");
    let path = folder.directory().join("control.sock");
    let server = Server::start(&path, echo()).await.unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        said(&path, b"status\nstop\nshutdown\nlearned\nst").await,
        "  Status\n  more\nok\n\
         error: \"stop\" is no command; write help for those that there are\n\
         error: not; now\n\
         \x20 Learned\n  more\nok\n"
    );
    assert_eq!(
        said(&path, b"\xFF\n").await,
        "error: invalid utf-8 sequence of 1 bytes from index 0\n"
    );
    let help = said(&path, b"help\n").await;
    assert_eq!(help.lines().count(), Command::HELP.len() + 1);
    drop(server);
    assert!(!path.exists());
}

#[tokio::test]
async fn lines_and_clients_are_bounded() {
    let folder = Site::new("control");
    let path = folder.directory().join("control.sock");
    let _server = Server::start(&path, echo()).await.unwrap();
    let long = vec![b'a'; MAX_LINE_BYTES + 1];
    let refusal = format!("error: a line is longer than {MAX_LINE_BYTES} bytes\n");
    assert_eq!(said(&path, &long).await, refusal);
    let mut line = long;
    line.push(b'\n');
    assert_eq!(said(&path, &line).await, refusal);
    let mut clients = Vec::new();
    for _ in 0..MAX_CLIENTS {
        let mut client = UnixStream::connect(&path).await.unwrap();
        client.write_all(b"status\n").await.unwrap();
        let mut answer = [0; 19];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"  Status\n  more\nok\n");
        clients.push(client);
    }
    let mut client = UnixStream::connect(&path).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "error: 4 clients are connected already\n");
}

#[tokio::test]
async fn the_socket_of_a_dead_process_is_taken_away_and_nothing_else() {
    let folder = Site::new("control");
    let path = folder.directory().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let server = Server::start(&path, echo()).await.unwrap();
    let second = Server::start(&path, echo()).await.map(|_| ());
    assert_eq!(second, Err(ControlError::InUse { path: path.clone() }));
    drop(server);
    let file = folder.write("file", "precious");
    let refused = Server::start(&file, echo()).await.map(|_| ());
    assert_eq!(
        refused,
        Err(ControlError::NotASocket { path: file.clone() })
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[tokio::test]
async fn a_command_that_nobody_carries_out_is_an_error() {
    let folder = Site::new("control");
    let path = folder.directory().join("control.sock");
    let (requests, received) = mpsc::channel(1);
    drop(received);
    let _server = Server::start(&path, requests).await.unwrap();
    assert_eq!(
        said(&path, b"reload\n").await,
        "error: the gateway is ending\n"
    );
}
