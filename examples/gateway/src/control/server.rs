use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Answer, Command, Request};

/// Takes commands on a Unix socket, which is gone with it.
#[derive(Debug)]
pub(crate) struct Server {
    path: PathBuf,
    /// Of the socket's file, so that none of a later process is deleted.
    inode: u64,
    task: JoinHandle<()>,
}

/// Why there is no control socket, and what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ControlError {
    #[error("{}: another process listens there: stop it first", .path.display())]
    InUse { path: PathBuf },
    #[error("{}: the file is no socket: check control.socket", .path.display())]
    NotASocket { path: PathBuf },
    #[error(
        "{}: {}: check the path and the permissions of its folder",
        .path.display(),
        io::Error::from(*.kind)
    )]
    Io { path: PathBuf, kind: io::ErrorKind },
}

impl Server {
    /// Listens, and hands commands to `requests`. A socket that a dead process has left is taken away.
    pub(crate) async fn start(
        path: &Path,
        requests: mpsc::Sender<Request>,
    ) -> Result<Self, ControlError> {
        let wrong = |error: io::Error| ControlError::Io {
            path: path.to_owned(),
            kind: error.kind(),
        };
        clear(path).await?;
        let listener = UnixListener::bind(path).map_err(wrong)?;
        // Whoever connects before this is turned away by who he is.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(wrong)?;
        let metadata = fs::metadata(path).map_err(wrong)?;
        let task = tokio::spawn(serve(listener, metadata.uid(), requests));
        Ok(Self {
            path: path.to_owned(),
            inode: metadata.ino(),
            task,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        let is_ours = fs::metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if is_ours {
            // What stays is taken away at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Takes a socket away on which nobody listens.
async fn clear(path: &Path) -> Result<(), ControlError> {
    let path_of = || path.to_owned();
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(ControlError::NotASocket { path: path_of() });
    }
    if UnixStream::connect(path).await.is_ok() {
        return Err(ControlError::InUse { path: path_of() });
    }
    fs::remove_file(path).map_err(|error| ControlError::Io {
        path: path_of(),
        kind: error.kind(),
    })
}

async fn serve(listener: UnixListener, owner: u32, requests: mpsc::Sender<Request>) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Out of descriptors, for example: the next try must not spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let is_allowed = client
            .peer_cred()
            .is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0);
        if !is_allowed {
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            refuse(client).await;
            continue;
        };
        let requests = requests.clone();
        tokio::spawn(async move {
            // A client that has gone needs no answer.
            let _ = converse(client, &requests).await;
            drop(place);
        });
    }
}

async fn refuse(mut client: UnixStream) {
    let refusal = format!("error: {MAX_CLIENTS} clients are connected already\n");
    // It fits into the buffer of the socket.
    let _ = timeout(Duration::from_secs(1), client.write_all(refusal.as_bytes())).await;
}

/// Answers the lines of a client until it ends or says nothing for long.
async fn converse(mut client: UnixStream, requests: &mpsc::Sender<Request>) -> io::Result<()> {
    let mut input = Vec::new();
    loop {
        let mut chunk = [0; 512];
        let Ok(count) = timeout(IDLE_TIMEOUT, client.read(&mut chunk)).await else {
            return Ok(());
        };
        let count = count?;
        input.extend_from_slice(chunk.get(..count).unwrap_or_default());
        while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = input.drain(..=end).collect();
            let answer = answer(&line, requests).await;
            let shown = shown(&answer);
            // Who does not read gives the place to somebody else.
            let Ok(written) = timeout(IDLE_TIMEOUT, client.write_all(shown.as_bytes())).await
            else {
                return Ok(());
            };
            written?;
        }
        if input.len() > MAX_LINE_BYTES {
            let refusal = format!("error: a line is longer than {MAX_LINE_BYTES} bytes\n");
            return client.write_all(refusal.as_bytes()).await;
        }
        if count == 0 {
            return Ok(());
        }
    }
}

async fn answer(line: &[u8], requests: &mpsc::Sender<Request>) -> Answer {
    if line.len() > MAX_LINE_BYTES + 1 {
        return Err(format!("a line is longer than {MAX_LINE_BYTES} bytes"));
    }
    let line = str::from_utf8(line).map_err(|error| error.to_string())?;
    let command: Command = line
        .parse()
        .map_err(|error: super::CommandError| error.to_string())?;
    if command == Command::Help {
        return Ok(Command::HELP.map(str::to_owned).into());
    }
    let (answer, answered) = oneshot::channel();
    let request = Request { command, answer };
    let ending = || "the gateway is ending".to_owned();
    requests.send(request).await.map_err(|_gone| ending())?;
    answered.await.unwrap_or_else(|_| Err(ending()))
}

fn shown(answer: &Answer) -> String {
    match answer {
        Ok(lines) => {
            let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
            format!("{lines}ok\n")
        }
        // One line, so that the end of the answer is known.
        Err(reason) => format!("error: {}\n", reason.replace('\n', "; ")),
    }
}

const MAX_LINE_BYTES: usize = 1024;
const MAX_CLIENTS: usize = 4;
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
