import { RE2JS } from 're2js';
import { matchesGlob } from './limits';

/** One pattern of secrets. */
export interface SecretPattern {
  /** What metrics, the audit trail and the replacement call it. */
  readonly name: string;
  /** A regular expression in RE2's syntax. */
  readonly pattern: string;
  /** Names of tools or globs; absent: it holds for every text. */
  readonly tools?: readonly string[];
  /** What takes its place; `$1` is what the first group found. Absent: `[redacted: <name>]`. */
  readonly replace?: string;
}

export interface SecretPolicy {
  /** Whether tokens of well-known form are masked. */
  readonly known: boolean;
  readonly patterns: readonly SecretPattern[];
}

/** Where a text comes from, and who counts what was taken out of it. */
export interface TextOrigin {
  /** The tool's name in the catalog; absent: no tool's. */
  readonly tool?: string | undefined;
  readonly found?: (pattern: string) => void;
}

/** Takes secrets out of a text by their form. */
export type SecretMask = (text: string, from?: TextOrigin) => string;

/**
 * Tokens that cannot be anything else, by the forms that their issuers document. Ids of keys that stand in ordinary
 * links (AWS) and tokens that are often no secret (JWT) are not here.
 */
export const knownTokens: readonly SecretPattern[] = [
  { name: 'github-token', pattern: String.raw`\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{60,255})` },
  { name: 'gitlab-token', pattern: String.raw`\bgl(?:pat|ptt|dt|rt|soat)-[\w-]{20,255}` },
  { name: 'slack-token', pattern: String.raw`\bxox[abeoprs]-[A-Za-z0-9-]{10,255}` },
  {
    name: 'api-key',
    pattern: String.raw`\bsk-(?:(?:ant|proj|svcacct|or-v1)-[\w-]{20,255}|[A-Za-z0-9]{32,255})`,
  },
  { name: 'google-key', pattern: String.raw`\bAIza[\w-]{35}` },
  { name: 'stripe-key', pattern: String.raw`\b(?:sk|rk)_live_[A-Za-z0-9]{20,255}` },
  { name: 'sendgrid-key', pattern: String.raw`\bSG\.[\w-]{20,24}\.[\w-]{40,46}` },
  { name: 'npm-token', pattern: String.raw`\bnpm_[A-Za-z0-9]{36}` },
  { name: 'hugging-face-token', pattern: String.raw`\bhf_[A-Za-z0-9]{30,64}` },
  {
    name: 'private-key',
    pattern: String.raw`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----[A-Za-z0-9+/=\s:,\\.-]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----|\z)`,
  },
];

/** What is wrong with a pattern; undefined where it can be used. */
export function patternProblem(pattern: string): string | undefined {
  try {
    if (RE2JS.compile(pattern).test('')) return 'finds the empty text, so it would be found everywhere';
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be read';
  }
}

/**
 * Compiles a policy. RE2 finds in time that grows with the text alone, whatever the pattern: a text of a server cannot
 * make one take for ever. Undefined where nothing is to be masked.
 */
export function secretMask({ known, patterns }: SecretPolicy): SecretMask | undefined {
  const all = [...patterns, ...(known ? knownTokens : [])].map((each) => ({
    ...each,
    ...compiledOf(each),
  }));
  if (all.length === 0) return undefined;
  return (text, { tool, found } = {}) => {
    let clean = text;
    for (const { name, compiled, groups, tools, replace } of all) {
      if (tools !== undefined && !tools.some((glob) => tool !== undefined && matchesGlob(glob, tool)))
        continue;
      if (!compiled.test(clean)) continue;
      clean = compiled.matcher(clean).replaceAll((...match: unknown[]) => {
        found?.(name);
        return replace === undefined
          ? `[redacted: ${name}]`
          : withGroups(replace, match.slice(0, groups + 1));
      });
    }
    return clean;
  };
}

function compiledOf({ pattern }: SecretPattern): { readonly compiled: RE2JS; readonly groups: number } {
  const compiled = RE2JS.compile(pattern);
  return { compiled, groups: compiled.groupCount() };
}

/** `$0` to `$9` by what the groups found. */
function withGroups(replace: string, match: readonly unknown[]): string {
  return replace.replace(/\$(\d)/g, (_all, group: string) => {
    const found = match[Number(group)];
    return typeof found === 'string' ? found : '';
  });
}
