//! Plain text, HTML and RTF.

use comity_bridge::text::Unreadable;

use crate::text;

#[test]
fn plain_text_is_read_in_its_charset() {
    for (content_type, body, result) in [
        ("text/plain", "ě".as_bytes(), Ok("ě")),
        ("Text/Plain;charset=\"UTF-8\"", b"\xef\xbb\xbfa", Ok("a")),
        ("text/plain;charset=us-ascii", "ě".as_bytes(), Ok("ě")),
        ("text/plain;charset=utf-8", b"\xff", Err(Unreadable::Coding)),
        (
            "text/plain;charset=iso-8859-1",
            b"\xe9\x80",
            Ok("\u{e9}\u{20ac}"),
        ),
        (
            "text/plain;charset=windows-1252",
            b"\x81\x9f",
            Ok("\u{fffd}\u{178}"),
        ),
        ("text/plain;charset=utf-16", b"\xff\xfea\0", Ok("a")),
        ("text/plain;charset=utf-16", b"\xfe\xff\0a", Ok("a")),
        (
            "text/plain;charset=utf-16",
            b"\0a\xd8\x3d\xde\x00",
            Ok("a\u{1f600}"),
        ),
        ("text/plain;charset=UTF-16LE", b"a\0", Ok("a")),
        ("text/plain;charset=utf-16be", b"a", Err(Unreadable::Coding)),
        (
            "text/plain;charset=utf-16be",
            b"\xd8\x00\0a",
            Err(Unreadable::Coding),
        ),
        ("text/plain;charset=koi8-r", b"a", Err(Unreadable::Charset)),
        (
            "text/plain",
            b"a\r\nb\rc\nd\x0be\x0cf",
            Ok("a\nb\nc\nd\ne\nf"),
        ),
        ("text/plain", b"a\0b\x1b\0\0", Ok("a\u{fffd}b\u{fffd}")),
        (
            "text/plain",
            "a\u{ffff}\u{7f}\t".as_bytes(),
            Ok("a\u{fffd}\u{7f}\t"),
        ),
        ("text/plain", b"", Ok("")),
    ] {
        let result = result.map(str::to_owned);
        assert_eq!(text(content_type, body), result, "{content_type}");
    }
}

#[test]
fn html_becomes_what_a_reader_sees() {
    for (html, plain) in [
        ("a <b>bold</b>\r\n  text", "a bold text"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        (
            "<DIV>one<br>two<BR/>three</DIV>four",
            "one\ntwo\nthree\nfour",
        ),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        (
            "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
            "a b\nc",
        ),
        (
            "&lt;b&gt; &amp;amp; &#x41;&#66; &nbsp;&eacute;&Scaron;&hellip;",
            "<b> &amp; AB  \u{e9}\u{160}\u{2026}"
                .replace("  ", " ")
                .as_str(),
        ),
        (
            "AT&T &unknown; &#xFFFFFFFF; &#1114112; & &",
            "AT&T &unknown; \u{fffd} \u{fffd} & &",
        ),
        (
            "<script>if (a </b && b) {</script>x<style>p{}</STYLE >y",
            "xy",
        ),
        (
            "a<title>no</title>b<!-- <b>no</b> -->c<!doctype html>d<?php no?>e",
            "abcde",
        ),
        ("x<script>never ends </scrip", "x"),
        ("x<!-- never ends", "x"),
        ("x<a href='>'>y</a><img alt=\">\">z", "xyz"),
        ("x<a href='never", "x"),
        ("1 < 2 <3 <", "1 < 2 <3 <"),
        ("<pre>a\r\n  b</pre>c", "a\n  b\nc"),
        (
            "<html><head><title>t</title></head><body>\r\n<p>hi</p>\r\n</body></html>",
            "hi",
        ),
        ("&#1;&#13;&#10;a", "\u{fffd} a"),
        ("", ""),
    ] {
        assert_eq!(text("text/html", html).as_deref(), Ok(plain), "{html}");
    }
    assert_eq!(
        text("text/html;charset=iso-8859-1", b"<i>\xe9</i>").as_deref(),
        Ok("\u{e9}")
    );
    assert_eq!(
        text("application/xhtml+xml", "<p>a</p>").as_deref(),
        Ok("a")
    );
}

#[test]
fn rtf_becomes_its_text() {
    for (rtf, plain) in [
        (r"{\rtf1 hi}", Ok("hi")),
        (
            "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fnil MS Shell;}}\r\n{\\colortbl ;\\red0;}\r\n\\viewkind4\\uc1\\pard\\f0\\fs20 hello\\par\r\nworld\\par\r\n}\r\n\0",
            Ok("hello\nworld"),
        ),
        (
            r"{\rtf1 \'e9\'80 \{\\\}\~x\_y\-z}",
            Ok("\u{e9}\u{20ac} {\\} x-yz"),
        ),
        (
            r"{\rtf1 \u283?x\u-10179\'3f\u-8704?y}",
            Ok("\u{11b}x\u{1f600}y"),
        ),
        (
            r"{\rtf1\uc0 \u283 x{\uc2\u283 ab}\u353 y}",
            Ok("\u{11b}x\u{11b}\u{161}y"),
        ),
        (r"{\rtf1\u55357?z}", Ok("z")),
        (r"{\rtf1\u56832?z}", Ok("\u{fffd}z")),
        (
            r"{\rtf1 a{\*\generator no;}b{\info{\title no}}c{\b d}}",
            Ok("abcd"),
        ),
        (r"{\rtf1\ansicpg1250 \'ec\u283\'ec}", Ok("\u{fffd}\u{11b}")),
        (
            "{\\rtf1 a\\bin3 }}}b\\tab c\\line d\\\ne}",
            Ok("ab\tc\nd\ne"),
        ),
        (r"{\rtf1 a} tail", Ok("a")),
        (r"{\rtf1 a{b", Ok("ab")),
        (r"{\rtf1 a\", Ok("a")),
        (r"{\rtf1 \'zzq\u99999999999 x\bin99999 x}", Ok("q")),
        ("plain", Err(Unreadable::Malformed)),
    ] {
        let rtf = rtf.trim_end_matches('\0');
        assert_eq!(
            text("text/rtf", rtf).as_deref(),
            plain.as_ref().map(|text| *text),
            "{rtf}"
        );
    }
    let deep = |groups: usize| format!("{{\\rtf1 {}x", "{".repeat(groups));
    assert_eq!(text("text/rtf", deep(63)).as_deref(), Ok("x"));
    assert_eq!(
        text("application/rtf", deep(64)),
        Err(Unreadable::TooDeep { limit: 64 })
    );
}
