//! The echo domain with Prosody where both have more than the core: of the two servers, Prosody alone
//! knows these extensions between servers.

use crate::conversation::{assert_echo, assert_greeting, greet, write};
use crate::echo::Echo;
use crate::mode::{Mode, Whose};
use crate::peer::Peer;
use crate::prosody::Prosody;
use crate::scene::Scene;

#[test]
#[ignore = "needs prosody, lua-unbound and dnsmasq"]
fn we_write_on_the_stream_that_the_peer_opened() {
    let scene = Scene::<Prosody>::new(Mode::BOTH_WAYS.ours, Mode::BOTH_WAYS.theirs);
    let echo = scene.echo(&[]);
    let mut user = scene.peer.login();
    write(&mut user);
    assert_echo(&mut user);
    assert_both_ways(&echo, Whose::Theirs, Mode::BOTH_WAYS);
    echo.log().assert_never(&["connection 2"]);
}

#[test]
#[ignore = "needs prosody, lua-unbound and dnsmasq"]
fn we_write_on_the_stream_that_the_peer_opened_and_proved_by_dialback() {
    let mode = Mode::BOTH_WAYS_NEITHER_TRUSTED;
    let scene = Scene::<Prosody>::new(mode.ours, mode.theirs);
    let echo = scene.echo(&[]);
    let mut user = scene.peer.login();
    write(&mut user);
    assert_echo(&mut user);
    assert_both_ways(&echo, Whose::Theirs, mode);
}

#[test]
#[ignore = "needs prosody, lua-unbound and dnsmasq"]
fn the_peer_writes_on_the_stream_that_we_opened() {
    let scene = Scene::<Prosody>::new(Mode::BOTH_WAYS.ours, Mode::BOTH_WAYS.theirs);
    let mut user = scene.peer.login();
    let echo = scene.echo(&greet::<Prosody>());
    assert_greeting::<Prosody>(&user.next());
    write(&mut user);
    assert_echo(&mut user);
    assert_both_ways(&echo, Whose::Ours, Mode::BOTH_WAYS);
    echo.log().assert_never(&["connection 2"]);
}

#[test]
#[ignore = "needs prosody, lua-unbound and dnsmasq"]
fn stanzas_are_acknowledged_both_ways() {
    let scene = Scene::<Prosody>::new(Mode::ACKNOWLEDGEMENTS.ours, Mode::ACKNOWLEDGEMENTS.theirs);
    let _echo = scene.echo(&[]);
    let mut user = scene.peer.login();
    // The message that makes Prosody connect leaves before acknowledgements begin.
    for _ in 0..2 {
        write(&mut user);
        assert_echo(&mut user);
    }
    let log = scene.peer.log();
    log.wait_for(&["Sending[s2sin]: <a ", "xmlns='urn:xmpp:sm:3'", "h='2'"]);
    log.wait_for(&["Received[s2sout]: <a ", "xmlns='urn:xmpp:sm:3'", "h='1'"]);
}

fn assert_both_ways(echo: &Echo, opener: Whose, mode: Mode) {
    echo.assert_proved(Whose::Ours, opener, Prosody::DOMAIN, mode.our_proof);
    echo.assert_proved(Whose::Theirs, opener, Prosody::DOMAIN, mode.their_proof);
}
