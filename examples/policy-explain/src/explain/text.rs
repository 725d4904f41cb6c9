use comity_policy::{Denial, Obligations, Stage, Subscription};

use super::{Answer, Half, Other, Report, Swap};

pub(super) fn page(report: &Report<'_>) -> String {
    let Some(Other { answer, changes }) = &report.other else {
        return lines(report, &report.answer);
    };
    let mut text = String::new();
    for answer in [&report.answer, answer] {
        text += &format!("By {}:\n{}\n", answer.rules.name(), lines(report, answer));
    }
    text += match report.is_good() {
        true => "The answer is the same.\n",
        false => "The answer differs.\n",
    };
    if changes.is_empty() {
        return text + "The rules do not differ.\n";
    }
    let (before, after) = (report.answer.rules.name(), answer.rules.name());
    text += &format!("\nFrom {before} to {after}:\n");
    for change in changes {
        text += &format!("  {change}\n");
    }
    text
}

/// The sentence, the rules that made it, and what is to be done.
fn lines(report: &Report<'_>, answer: &Answer<'_>) -> String {
    let mut text = format!("{}\n", answer.decision);
    for (index, rule) in answer.decision.explanation.rules().enumerate() {
        text += &format!("  {}. {rule}\n", index + 1);
    }
    let duties = duties(report.case.question.stage, answer);
    if !duties.is_empty() {
        text += "To do:\n";
    }
    for duty in duties {
        text += &format!("  {duty}\n");
    }
    text += match answer.half {
        Some(Half::Address) => "Note: the access list has the name of the peer, not its address.\n",
        Some(Half::Name) => "Note: the access list has the address of the peer, not its name.\n",
        None => "",
    };
    text
}

/// What is to be done, in plain words.
fn duties(stage: Stage, answer: &Answer<'_>) -> Vec<String> {
    let Obligations {
        security,
        denial,
        subscription,
        ask_again_with_name,
        ..
    } = answer.decision.obligations;
    let user = || match &answer.user {
        Some(user) => user.to_string(),
        None => "the user".to_owned(),
    };
    let denial = denial.map(|denial| match denial {
        Denial::Drop => "drop without an answer".to_owned(),
        Denial::OwnBlock => format!("tell {} that the other side is blocked", user()),
        Denial::Polite => format!("show {} as offline", user()),
        Denial::Refuse if stage == Stage::Connect => "refuse the connection".to_owned(),
        Denial::Refuse => "refuse with an error".to_owned(),
    });
    let subscription = subscription.map(|subscription| match subscription {
        Subscription::Active => "accept the subscription".to_owned(),
        Subscription::Pending => format!("ask {} first", user()),
    });
    let swap = answer.swap.as_ref().map(|swap| match swap {
        Swap::Inward(own) => format!("deliver to {own}"),
        Swap::Outward(email) => format!("send as {email}"),
    });
    let duties = [
        security.map(|mode| format!("secure the connection: {mode}")),
        ask_again_with_name.then(|| "ask again with the name of the peer".to_owned()),
        denial,
        subscription,
        swap,
    ];
    duties.into_iter().flatten().collect()
}
