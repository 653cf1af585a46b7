import type { WhoMay } from '../../console-page/shapes';
import type { AccessPolicy, AccessRule } from '../core/access';
import { globPattern } from '../core/search-offer';
import type { ServerConfig } from '../core/servers';

/**
 * Who may use a tool, by the config: in words, because keys, teams and users are known to LiteLLM alone. `name` is the
 * tool's name as models see it.
 */
export function whoMay(policy: AccessPolicy, server: ServerConfig | undefined, name: string): WhoMay {
  if (server === undefined) return { rules: ['Nobody: its server is not in the config.'] };
  if (server.settings?.enabled === false) return { rules: ['Nobody: its server is switched off.'] };
  const denying = policy.rules.filter((rule) => rule.deny.some((glob) => globPattern(glob).test(name)));
  const granting = policy.rules.filter((rule) => grants(rule, server.publicName, name));
  const granted = granting.map(
    (rule) => `${namesOf(rule)} ${isMany(rule) ? 'are' : 'is'} granted it by a rule.`,
  );
  const rest =
    policy.byDefault === 'all'
      ? policy.rules.length > 0
        ? ['Everybody to whom no rule grants anything.']
        : server.allowedKeyHashes === undefined
          ? ['Everybody.']
          : []
      : granted.length === 0
        ? ['Nobody: no rule grants it, and access.default is none.']
        : [];
  const keys = server.allowedKeyHashes;
  return {
    rules: [
      ...denying.map((rule) => `Denied to ${namesOf(rule)}.`),
      ...(keys === undefined ? [] : [`Only ${count(keys.length, 'key')} of the server’s api_keys.`]),
      ...granted,
      ...rest,
      ...(policy.litellmGrants === 'ignored'
        ? []
        : policy.litellmGrants === 'required'
          ? ['LiteLLM itself must have granted it to the key, team or end user.']
          : ['What LiteLLM itself grants to a key, team or end user cuts this further.']),
    ],
  };
}

function grants(rule: AccessRule, server: string, name: string): boolean {
  if (rule.servers === undefined && rule.allow === undefined) return false;
  return (
    (rule.servers?.includes(server) ?? true) &&
    (rule.allow?.some((glob) => globPattern(glob).test(name)) ?? true)
  );
}

const isMany = ({ keys, teams, users }: AccessRule): boolean => keys.length + teams.length + users.length > 1;

/** Hashes of keys are told shortened: by that they can be known again, and not be used. */
function namesOf({ keys, teams, users }: AccessRule): string {
  if ([...keys, ...teams, ...users].includes('*')) return 'everybody';
  const names = [
    ...keys.map((key) => `key ${/^[0-9a-f]{64}$/.test(key) ? `${key.slice(0, 8)}…` : key}`),
    ...teams.map((team) => `team ${team}`),
    ...users.map((user) => `user ${user}`),
  ];
  return names.join(', ') || 'nobody';
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
