//! RD0104 where nothing has failed by it: a thread was told that there is nothing at a path, another thread put something
//! there, and the first one took that in the place of making its own. What the other had written is gone, or both write to
//! one file though each had seen to it that it was alone.
//!
//! Where a test fails by it, it is the pattern behind the failure: see [`super::pattern`].
//!
//! Left alone: what libraries do with files of their own; uses that fail, since the program is told and can say what it
//! does then; and `create_new`, directories and links, which the system makes or refuses in one step. Not seen: what
//! [`crate::paths`] cannot.

use super::Diagnosis;
use crate::case::Case;
use crate::paths::{self, CheckThenUse};
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::PathCall;

/// The first one.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let actions = &case.reading.actions;
    let by_user = |index: usize| {
        let site = case.sites.get(actions[index].stack);
        site.user.is_some() && site.library().iter().all(|frame| frame.origin == Origin::Standard)
    };
    let takes = |index: usize| actions[index].path().is_some_and(|path| path.call == PathCall::Replaces);
    let all = paths::checks_out_of_date(actions);
    let found = all.into_iter().find(|found| by_user(found.look) && by_user(found.act) && takes(found.act))?;
    let CheckThenUse { look, change, act } = found;
    let path = actions[look].path()?;
    let [look, change, act] = [look, change, act].map(|index| &actions[index]);
    let (who, other) = (case.threads.prose(look.thread), case.threads.prose(change.thread));
    let name = path.name();
    let mut diagnosis = Diagnosis { code: "RD0104", warning: true, ..Diagnosis::default() };
    diagnosis.about.extend([look.thread, change.thread]);
    diagnosis.keys.extend([look.at, change.at, act.at]);
    diagnosis.message =
        format!("file-system check-then-use: {who} takes over {name}, which was not there when it asked");
    let places = [look, change, act].map(|action| case.place_of(Some(action.stack)));
    diagnosis.reason.push(format!(
        "{} asks about {name}{} and is told that there is none. Then {other} makes it{}. {} goes by the answer that it had{}, and takes over the file of {other} in the place of making its own. Nothing has come of it this time. But what {other} has written may be gone, and each of the two takes itself for the only one.",
        crate::words::capital(&who),
        case.at(places[0].as_ref()),
        case.at(places[1].as_ref()),
        crate::words::capital(&who),
        case.at(places[2].as_ref()),
    ));
    diagnosis.notes.push(format!("The whole path is `{}`.", path.path));
    let labels = [
        format!("{who} asks here, and is told that there is none"),
        format!("{other} makes it here, in between"),
        format!("{who} takes it over here"),
    ];
    for ((place, label), primary) in places.into_iter().zip(labels).zip([true, false, true]) {
        case.mark(&mut diagnosis.spans, place, label, primary);
    }
    diagnosis.fix = vec![
        "Do not ask first: create with `File::create_new` (or `OpenOptions::create_new`), which refuses if there is a file, in one step, and take `AlreadyExists` for the answer.".to_owned(),
        "Where the file is to be replaced whole, write a temporary one beside it and `rename` it; where one thread at a time may write, hold a lock from the question to the end of the use.".to_owned(),
    ];
    Some(diagnosis)
}
