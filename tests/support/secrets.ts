/** What a secret looks like in a text: by its own form, or because a name says so and the value looks random. */

/** Where something was found. It does not hold what was found. */
export interface Finding {
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

const forms: readonly (readonly [string, RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ['a key of AWS', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a key of Google', /\bAIza[\w-]{35}/],
  ['a token of GitHub', /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{30})/],
  ['a token of GitLab', /\bglpat-[\w-]{20}/],
  ['a token of Slack', /\bxox[abprs]-[\w-]{20}/],
];

/** Forms that test data has, too: a finding only when the value looks random. */
const forRandomValues: readonly (readonly [string, RegExp])[] = [
  ['a key of a model provider or of LiteLLM', /\bsk-(?:[a-z0-9]+-)*([A-Za-z0-9_-]{20,})/g],
  ['a signed token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.([\w-]{20,})/g],
  ['a password in an address', /\b[a-z][a-z0-9+]*:\/\/[^\s:/@'"`]+:([^\s@/'"`]{6,})@/g],
  [
    'a value of a variable or a key that names a secret',
    /(?:password|passwd|secret|token|api_?key|master_?key|access_?key)["']?\s*[:=]\s*["']?([A-Za-z0-9+/_=-]{16,})/gi,
  ],
];

/** Letters of both cases and digits, hardly any word in it: what a generator writes and a person does not. */
function looksRandom(value: string): boolean {
  const classes = [/[a-z]/, /[A-Z]/, /\d/].filter((each) => each.test(value)).length;
  const hex = /^[0-9a-f]{32,}$/i.test(value) && new Set(value).size > 8;
  const changes = [...value].filter((each, at) => at > 0 && kind(each) !== kind(value[at - 1] ?? '')).length;
  return hex || (classes === 3 && changes / value.length > 0.4);
}

const kind = (letter: string): string =>
  /\d/.test(letter) ? 'digit' : /[A-Z]/.test(letter) ? 'upper' : /[a-z]/.test(letter) ? 'lower' : 'other';

/** The lines of a text that hold something that looks like a secret. */
export function findSecrets(text: string): Finding[] {
  return text.split('\n').flatMap((content, at) => {
    const known = forms.find(([, form]) => form.test(content));
    const named = forRandomValues.find(([, form]) =>
      [...content.matchAll(form)].some((match) => looksRandom(match[1] ?? '')),
    );
    const what = known?.[0] ?? named?.[0];
    return what === undefined ? [] : [{ line: at + 1, what }];
  });
}
