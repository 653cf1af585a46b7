import { difference, type Expected } from './manifest';

const expected: Expected = {
  version: '1.0.0',
  era: 'legacy',
  protocol: '2025-11-25',
  tools: ['read', 'write'],
  not_offered: [],
  bytes: 100,
};

describe('the comparison with the manifest', () => {
  it('names the version and each tool that came or went', () => {
    const found = { ...expected, version: '2.0.0', tools: ['append', 'read'], not_offered: ['write'] };
    expect(difference('files', expected, found)?.split('\n')).toEqual([
      'files is not what tests/servers/manifest.json says:',
      '  version: 1.0.0 -> 2.0.0',
      '  tools: - write',
      '  tools: + append',
      '  not_offered: + write',
      expect.stringContaining('--write-docs'),
    ]);
  });

  it('says nothing where only the size differs', () => {
    expect(difference('files', expected, { ...expected, bytes: 101 })).toBeUndefined();
  });

  it('does not take a server that is not in it', () => {
    expect(difference('files', undefined, expected)).toContain('does not stand in');
  });
});
