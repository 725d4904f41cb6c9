//! The faults.

mod clock;
mod inputs;
mod slow;
mod want;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::servers::{Kind, Server};

/// Something that befalls a server.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    side: Side,
    /// Has it happen.
    pub(crate) play: fn(&mut Server, &Amounts) -> Played,
}

type Played = Result<Outcome, Box<dyn Error>>;

/// Whom it befalls.
#[derive(Clone, Copy)]
enum Side {
    Xmpp,
    Sip,
    /// What only the gateway has or promises.
    Gateway,
}

impl Fault {
    pub(crate) fn befalls(&self, kind: Kind) -> bool {
        match self.side {
            Side::Xmpp => kind.speaks_xmpp(),
            Side::Sip => kind.speaks_sip(),
            Side::Gateway => kind == Kind::Gateway,
        }
    }
}

/// How often it happened, and what was seen meanwhile.
pub(crate) struct Outcome {
    pub(crate) tried: usize,
    pub(crate) seen: String,
    /// How many of those who came in good order meanwhile were not served.
    pub(crate) unserved: usize,
}

impl Outcome {
    fn seen(tried: usize, seen: String) -> Self {
        Self {
            tried,
            seen,
            unserved: 0,
        }
    }

    fn of(tried: usize) -> Self {
        Self::seen(tried, String::new())
    }
}

/// How often each is to happen.
pub(crate) struct Amounts {
    pub(crate) malformed: usize,
    pub(crate) garbage: usize,
    pub(crate) churn: usize,
    pub(crate) slow: usize,
    /// For how long they are looked at.
    pub(crate) slow_for: Duration,
    pub(crate) readers: usize,
    pub(crate) kills: usize,
    /// What a server has to come to rest before its memory is read again.
    pub(crate) rest: Duration,
}

impl Amounts {
    pub(crate) const TABLE: Self = Self {
        malformed: 10_000,
        garbage: 2_000,
        churn: 5_000,
        slow: 2_000,
        slow_for: Duration::from_secs(120),
        readers: 50,
        kills: 20,
        rest: Duration::from_secs(10),
    };

    pub(crate) const CHECK: Self = Self {
        malformed: 500,
        garbage: 200,
        churn: 500,
        slow: 400,
        slow_for: Duration::from_secs(5),
        readers: 10,
        kills: 3,
        rest: Duration::from_millis(250),
    };
}

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "malformed XML streams",
        side: Side::Xmpp,
        play: inputs::streams,
    },
    Fault {
        name: "hellos of TLS that are garbage, behind STARTTLS",
        side: Side::Xmpp,
        play: inputs::garbage_behind_starttls,
    },
    Fault {
        name: "XMPP connections that are closed at once",
        side: Side::Xmpp,
        play: inputs::xmpp_churn,
    },
    Fault {
        name: "XMPP connections that send a byte now and then",
        side: Side::Xmpp,
        play: slow::streams,
    },
    Fault {
        name: "XMPP connections beyond the files that it may open",
        side: Side::Xmpp,
        play: want::files_of_xmpp,
    },
    Fault {
        name: "malformed SIP messages over UDP",
        side: Side::Sip,
        play: inputs::datagrams,
    },
    Fault {
        name: "malformed SIP messages over TCP",
        side: Side::Sip,
        play: inputs::messages,
    },
    Fault {
        name: "hellos of TLS that are garbage, for SIP",
        side: Side::Sip,
        play: inputs::garbage,
    },
    Fault {
        name: "SIP connections that are closed at once",
        side: Side::Sip,
        play: inputs::sip_churn,
    },
    Fault {
        name: "SIP connections that send a byte now and then",
        side: Side::Sip,
        play: slow::requests,
    },
    Fault {
        name: "peers that ask and do not read",
        side: Side::Sip,
        play: slow::readers,
    },
    Fault {
        name: "SIP connections beyond the files that it may open",
        side: Side::Sip,
        play: want::files_of_sip,
    },
    Fault {
        name: "kill -9, and a start where it was",
        side: Side::Gateway,
        play: want::kills,
    },
    Fault {
        name: "a disk that is full at the start",
        side: Side::Gateway,
        play: want::full_disk,
    },
    Fault {
        name: "a clock that jumps by an hour, back, and by a year",
        side: Side::Gateway,
        play: clock::jumps,
    },
];

/// A socket of an address that no probe has. Each fiftieth has another one, so that what a server allows
/// to one address is not what is tried.
fn stranger(number: usize) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let [.., high, low] = (number / PER_ADDRESS).to_be_bytes();
    let address = Ipv4Addr::new(127, 99, high, low);
    socket.bind(&SocketAddr::from((address, 0)).into())?;
    Ok(socket)
}

/// A connection that is made when the server has room for it.
fn connect_later(number: usize, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = stranger(number)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) => Err(error),
        _ => Ok(socket.into()),
    }
}

fn connect(number: usize, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = stranger(number)?;
    socket.connect_timeout(&address.into(), Duration::from_secs(10))?;
    Ok(socket.into())
}

/// Between two connections: some servers have a queue for five that they have not accepted yet, and who
/// comes when it is full is not heard for a second.
const A_MOMENT: Duration = Duration::from_millis(4);
const EINPROGRESS: i32 = 115;
const PER_ADDRESS: usize = 50;
