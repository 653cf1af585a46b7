/** Names under which credentials stand. */
export function isSecretName(name: string): boolean {
  if (
    /^(?:litellm_key_header_name|key_alias|auth_type|api_key_header|max_\w*tokens?|\w*_tokens)$/i.test(name)
  )
    return false;
  return /(?:^|_|-)(?:(?:api|master|virtual|secret|salt|access|private)_?keys?|password|passwd|pass|secret|token|auth_value|authentication_token|authorization|credentials?)(?:_previous)?$/i.test(
    name,
  );
}

/** False for references, placeholders and what only fills a field. */
export function looksSecret(value: string): boolean {
  if (
    value.length < 6 ||
    /^(?:os\.environ\/|\$|<|none|dummy|not-?needed|unused|example|changeme|sk-…)/i.test(value)
  )
    return false;
  return !/\$\{|^\*+$|^x+$/i.test(value);
}

/** Takes credentials out of a line that is shown: known values, keys, passwords in addresses, values of such names. */
export function maskLine(line: string, known: readonly string[]): string {
  let clean = line;
  for (const secret of known) if (secret.length >= 4) clean = clean.replaceAll(secret, '***');
  clean = clean
    .replace(/\bsk-[\w-]{3,}/g, 'sk-***')
    .replace(/(\b\w[\w+.-]*:\/\/[^:/@\s]*:)(?!\$\{)[^\s"']*@/g, '$1***@');
  return clean.replace(
    /([\w-]+)(["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s"',}\]]+)/g,
    (whole, name: string, between: string, value: string) => {
      const bare = value.replace(/^["']|["']$/g, '');
      return isSecretName(name) && looksSecret(bare)
        ? `${name}${between}${value.replace(bare, '***')}`
        : whole;
    },
  );
}
