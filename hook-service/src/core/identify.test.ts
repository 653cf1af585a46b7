import { askIdentity, openIdentity, questionOf, sealIdentity } from './identify';
import { signMark, verifyMark } from './mark';

const secret = 'the secret of today';
const secrets = [secret, 'the secret before'];
const caller = { key: 'a'.repeat(64), alias: 'alice', team: 'é' };

describe('a question about a key', () => {
  it('is known to whoever has the secret, until it expires', () => {
    const { nonce, token } = askIdentity(secret, 1_000_000);
    expect(questionOf(['another', secret], token, 1_000_000)).toBe(nonce);
    expect(questionOf(['another'], token, 1_000_000)).toBeUndefined();
    expect(questionOf([secret], token, 1_000_000 + 120_000)).toBeUndefined();
  });

  it.each(['', 'x', 'a.b.c', 'a.9999999999.00', 'a.9999999999.00.d'])('is not made up: "%s"', (token) => {
    expect(questionOf(secrets, token)).toBeUndefined();
  });

  it('is no mark of a continuation, nor is a mark a question', () => {
    expect(verifyMark(secrets, askIdentity(secret).token, '')).toBeUndefined();
    const mark = signMark(secret, 'turn1234', '', Math.ceil(Date.now() / 1000) + 60);
    expect(questionOf(secrets, mark)).toBeUndefined();
  });
});

describe('the answer', () => {
  it('gives the caller to the one who asked, wherever in a text it stands', () => {
    const text = `{"error": {"message": "{'error': '${sealIdentity(secret, 'n1', caller)}'}"}}`;
    expect(openIdentity(secrets, 'n1', text)).toEqual(caller);
  });

  it('shows nothing of the caller, and opens for no other question, secret or change', () => {
    const sealed = sealIdentity(secret, 'n1', caller);
    expect(Buffer.from(sealed.slice(18), 'base64url').toString('latin1')).not.toContain('alice');
    expect(openIdentity(secrets, 'n2', sealed)).toBeUndefined();
    expect(openIdentity(['another'], 'n1', sealed)).toBeUndefined();
    const last = sealed.endsWith('A') ? 'B' : 'A';
    expect(openIdentity(secrets, 'n1', sealed.slice(0, -2) + last + last)).toBeUndefined();
    expect(openIdentity(secrets, 'n1', 'toolturn-identity:AAAA')).toBeUndefined();
  });
});
