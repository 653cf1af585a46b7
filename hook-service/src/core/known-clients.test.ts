import { namesByClients, sideRequest, sideWords } from './known-clients';

describe('a request beside the conversation', () => {
  it.each([
    ['an answer of one token', { max_tokens: 1 }, 'quota'],
    ['an answer of few tokens (Gemini)', { generationConfig: { maxOutputTokens: 8 } }, 'hi'],
    [
      'a title by Open WebUI',
      {},
      '### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Guidelines:\n- …\n### Output:\nJSON format',
    ],
    [
      'a topic by Claude Code',
      {
        system: [
          {
            type: 'text',
            text: 'Analyze if this message indicates a new conversation topic. If it does, extract a title.',
          },
        ],
      },
      'fix the build',
    ],
    [
      'a title by LibreChat',
      {
        messages: [
          {
            role: 'system',
            content: 'Provide a concise, 5-word-or-less title for the conversation, using title case',
          },
        ],
      },
      '',
    ],
  ])('is %s', (_what, body, asked) => {
    expect(sideRequest(body, asked)).toEqual(expect.any(String));
    // What the door looks for in all texts of a request, so that hook-service sees each of these.
    const text = `${JSON.stringify(body)}\n${asked}`.toLowerCase();
    const isShort = !/claude|webui|librechat/i.test(_what);
    expect(isShort || sideWords.some((words) => words.every((word) => text.includes(word)))).toBe(true);
  });

  it.each([
    ['a question', { max_tokens: 4096 }, 'What is in the file?'],
    ['a question about tasks', {}, 'What does "### Task:" mean in Markdown?'],
    ['a question about titles', { system: 'You help.' }, 'Write a title for my novel.'],
    ['a request without anything', {}, ''],
  ])('is not %s', (_what, body, asked) => {
    expect(sideRequest(body, asked)).toBeUndefined();
  });
});

describe('the names of a tool in other clients', () => {
  it('hold those of Claude Code, LiteLLM and Open WebUI', () => {
    expect(namesByClients({ server: 'fs', tool: 'read_file' })).toEqual(
      expect.arrayContaining(['mcp__fs__read_file', 'fs-read_file', 'fs_read_file']),
    );
  });
});
