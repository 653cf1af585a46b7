/** What a person's next message says about calls that wait for approval. */
export type Reply =
  /** Nothing but a yes. */
  | 'approve'
  /** A no, with or without more words: the model reads them. */
  | 'decline'
  /** Anything else, a yes with a condition too: nothing runs, and the model reads the message. */
  | 'other';

/** Longer messages say more than yes. */
const longest = 80;

const words = (text: string): readonly string[] =>
  text
    .trim()
    .split(/\s*\n\s*|\s*,\s*/)
    .filter((each) => each !== '');

const yes = new Set(
  words(`
    yes, y, yeah, yep, yup, ok, okay, sure, fine, approve, approved, accept, accepted, confirm, confirmed, allow
    go, go ahead, do it, do that, run it, run them, please do, proceed, agreed, yes do it, yes run it
    yes go ahead, ok go ahead, ok do it, sure go ahead, yes sure, yes ok, yes approve, yes i approve, i approve, yes of course
    ja, jawohl, ja gern, ja gerne, ja mach, ja mach das, mach das, mach es, mach, genehmigt, einverstanden, in ordnung
    oui, d accord, vas y, allez y, sí, si, de acuerdo, vale, adelante, claro, sim, pode, certo, va bene, procedi
    tak, zgoda, da, ano, igen, evet, tamam, kyllä, joo, да, давай, так, хорошо, ναι
    はい, いいですよ, お願いします, 是, 是的, 好, 好的, 可以, 同意, 批准, 确认, 네, 예, 좋아요, हाँ, نعم, כן
    👍, ✅, 👌
  `),
);

const no = new Set(
  words(`
    no, n, nope, nah, decline, declined, deny, denied, reject, rejected, refuse, cancel, stop, abort, never
    dont, don t, do not, not now, no way, better not, please don t, please do not, forget it
    nein, nö, nicht, lieber nicht, auf keinen fall, stopp, abbrechen, ablehnen, abgelehnt
    non, ne pas, não, nao, cancela, cancelar, annulla, annuler, nie, ne, nem, hayır, ei, нет, не надо, ні, όχι
    いいえ, やめて, 不, 不要, 不行, 否, 拒绝, 取消, 아니요, 아니, नहीं, لا, לא
    👎, ❌, 🚫
  `),
);

/** Politeness in front or behind changes nothing. */
const polite =
  /^(?:please|bitte|s il vous plaît|por favor|per favore|well|so)\s+|\s+(?:please|thanks|thank you|thx|bitte|danke|danke schön|s il vous plaît|s il te plaît|merci|por favor|gracias|obrigado|obrigada|per favore|grazie|proszę|спасибо|пожалуйста|gern|gerne)$/u;

/** Words that begin a no with a reason: "no, take the other file". Of other languages only those that begin nothing else. */
const beginsNo =
  /^(?:no|nope|nah|decline|deny|reject|cancel|stop|don['’]?t|do not|nein|non|não|нет)(?=$|[\s,.;:!–—-])/iu;

/**
 * Reads a message as an answer to a question of ours. Only a message that says nothing else is a yes; its words may
 * be plain ones of some languages, the code of the question, or both ("approve K7QM2P").
 */
export function readReply(message: string, code: string): Reply {
  const text = bare(message);
  if (text === '') return 'other';
  const named = withoutCode(text, code.toLowerCase());
  // The code alone is what the question asks for.
  if (named === '') return 'approve';
  const said = named ?? text;
  if (said.length <= longest) {
    const plain = withoutPoliteness(said);
    if (yes.has(said) || yes.has(plain)) return 'approve';
    if (no.has(said) || no.has(plain)) return 'decline';
  }
  return beginsNo.test(message.trim()) ? 'decline' : 'other';
}

/** Lower case, one blank between words, no punctuation: what is left of a message to compare. */
function bare(message: string): string {
  if (message.length > 4 * longest) return '…';
  return message
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\ufe0e\ufe0f\u{1f3fb}-\u{1f3ff}]/gu, '')
    .replace(/[\s!.,;:'’"“”„«»`*_()\[\]、。！，¡-]+/gu, ' ')
    .trim();
}

/** The text without the code in front of it or behind it; undefined where it does not name the code. */
function withoutCode(text: string, code: string): string | undefined {
  const rest = text.split(' ').filter((word) => word !== code);
  return rest.length === text.split(' ').length
    ? undefined
    : rest.filter((word) => word !== 'code').join(' ');
}

function withoutPoliteness(text: string): string {
  const once = text.replace(polite, '').trim();
  return once.replace(polite, '').trim();
}
