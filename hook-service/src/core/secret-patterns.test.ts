import type { HostTool, ToolResult } from './ports';
import { createMask, maskedResult, maskedTool } from './result-safety';
import { knownTokens, patternProblem, secretMask, type SecretPattern } from './secret-patterns';

const maskWith = (...patterns: SecretPattern[]) => createMask([], [], secretMask({ known: false, patterns }));
const dashes = '-'.repeat(5);
const letters = (length: number) => 'aB3'.repeat(length).slice(0, length);

/** One of each known form; put together here, so that no scanner takes this file for a leak. */
const samples: Readonly<Record<string, readonly string[]>> = {
  'github-token': [`ghp_${letters(36)}`, `github_pat_${letters(82)}`],
  'gitlab-token': [`glpat-${letters(20)}`],
  'slack-token': [`xoxb-${letters(30)}`],
  'api-key': [`sk-proj-${letters(48)}`, `sk-ant-api03-${letters(80)}`, `sk-${letters(48)}`],
  'google-key': [`AIza${letters(35)}`],
  'stripe-key': [`sk_live_${letters(24)}`],
  'sendgrid-key': [`SG.${letters(22)}.${letters(43)}`],
  'npm-token': [`npm_${letters(36)}`],
  'hugging-face-token': [`hf_${letters(34)}`],
  'private-key': [
    `${dashes}BEGIN RSA PRIVATE KEY${dashes}\n${letters(64)}\n${letters(64)}==\n${dashes}END RSA PRIVATE KEY${dashes}`,
    `${dashes}BEGIN PRIVATE KEY${dashes}\\n${letters(64)}\\n${dashes}END PRIVATE KEY${dashes}`,
  ],
};

describe('tokens of known form', () => {
  const mask = createMask([], [], secretMask({ known: true, patterns: [] }));

  it.each(knownTokens.map(({ name }) => name))(
    'are masked, and what stands around them stays: %s',
    (name) => {
      expect(samples[name]).toBeDefined();
      for (const sample of samples[name] ?? [])
        expect(mask(`the value "${sample}" is set`)).toBe(`the value "[redacted: ${name}]" is set`);
    },
  );

  it('are not seen in ordinary texts', () => {
    const text =
      'sk-button-primary-outlined-with-icon-left risk-assessment-2026 ghp_short npm_config_cache hf_hub AIza 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
    expect(mask(text)).toBe(text);
  });

  it('are found behind characters that nobody sees', () => {
    expect(mask(`ghp_\u200b${letters(36)}`)).toBe('[redacted: github-token]');
  });
});

describe('patterns of the config', () => {
  it('are masked by their name, or by what the config puts there', () => {
    expect(maskWith({ name: 'ticket', pattern: 'T-[0-9]{4}' })('T-1234 and T-99')).toBe(
      '[redacted: ticket] and T-99',
    );
    const mask = maskWith({ name: 'password', pattern: '(pass(?:word)?=)(\\S+)', replace: '$1*** $7' });
    expect(mask('user=ann password=quince x')).toBe('user=ann password=***  x');
  });

  it('hold for the tools that they name only', () => {
    const mask = maskWith({ name: 'ticket', pattern: 'T-[0-9]+', tools: ['crm__*'] });
    expect(mask('T-1', undefined, { tool: 'crm__find' })).toBe('[redacted: ticket]');
    expect(mask('T-1', undefined, { tool: 'web__get' })).toBe('T-1');
    expect(mask('T-1')).toBe('T-1');
  });

  it('are told of when they cannot be used', () => {
    expect(patternProblem('T-[0-9]+')).toBeUndefined();
    expect(patternProblem('(T')).toContain('missing closing )');
    expect(patternProblem('(?=a)b')).toContain('(?=');
    expect(patternProblem('(a)\\1')).toContain('invalid escape');
    expect(patternProblem('a*')).toContain('empty text');
  });

  it('take time by the length of a text alone, also where a backtracking engine would never end', () => {
    const mask = maskWith(
      { name: 'evil', pattern: '(?:a+)+$' },
      { name: 'more', pattern: '(?:x?){20}x{20}y' },
    );
    const text = `${'a'.repeat(30_000)}b${'x'.repeat(30_000)}`;
    expect(mask(text)).toBe(text);
  });
});

describe('a result', () => {
  const mask = maskWith({ name: 'ticket', pattern: 'T-[0-9]{4}' });

  it('is masked in all that a model may read, counted by pattern, and in data not at all', () => {
    const result: ToolResult = {
      content: [
        { type: 'text', text: 'T-1111 and T-2222' },
        { type: 'resource', uri: 'file:///T-3333', text: 'T-4444' },
        { type: 'resource_link', uri: 'x://y', description: 'T-5555' },
        { type: 'image', data: 'T-6666', mimeType: 'image/png' },
      ],
      structured: { 'T-7777': { deep: ['T-8888'] } },
      whole: { content: [{ type: 'text', text: 'T-1111' }] },
    };
    const clean = maskedResult(mask, result, 'crm__find');
    expect(JSON.stringify(clean).match(/T-\d+/g)).toEqual(['T-6666']);
    // What a server gives twice is one thing.
    expect(clean.masked).toEqual({ ticket: 5 });
    expect(
      maskedResult(mask, { failure: 'tool_error', content: [{ type: 'text', text: 'no T-1111' }] }),
    ).toEqual({
      failure: 'tool_error',
      content: [{ type: 'text', text: 'no [redacted: ticket]' }],
      masked: { ticket: 1 },
    });
  });

  it('is the very same where there is nothing to mask', () => {
    const result: ToolResult = { content: [{ type: 'text', text: 'T-1' }] };
    expect(maskedResult(mask, result)).toBe(result);
  });
});

it('a tool is masked in its description and schema, and its arguments fit the schema that its server wrote', () => {
  const mask = maskWith({ name: 'ticket', pattern: 'T-[0-9]{4}', tools: ['crm__*'] });
  const tool: HostTool = {
    server: 'crm',
    tool: 'find',
    description: 'As in T-1111.',
    inputSchema: { type: 'object', properties: { id: { type: 'string', default: 'T-2222' } } },
  };
  const clean = maskedTool(mask, tool, 'crm__find');
  expect(JSON.stringify([clean.description, clean.inputSchema])).not.toMatch(/T-\d/);
  expect(clean.serverSchema).toBe(tool.inputSchema);
  expect(maskedTool(mask, tool, 'web__find')).toBe(tool);
});
