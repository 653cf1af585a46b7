import fc from 'fast-check';
import { readReply } from './approval-words';

const code = 'K7QM2P';

describe('a message behind a question', () => {
  it.each([
    ...[
      'yes',
      'Yes!',
      ' ok. ',
      'OK',
      'Yes, please.',
      'please do',
      'Go ahead',
      'do it',
      'approve',
      'Sure, thanks!',
    ],
    ...[
      'ja',
      'Ja, bitte!',
      'Einverstanden.',
      'oui',
      'Oui, merci',
      'd’accord',
      'Sí',
      '¡Sí, por favor!',
      'sim',
      'va bene',
    ],
    ...['да', 'Да, пожалуйста.', 'はい', '好的', '네', '👍', '👍🏽', '✅', '**yes**', '"yes"', 'yes\n'],
    ...['K7QM2P', 'k7qm2p', '`K7QM2P`', 'approve K7QM2P', 'yes K7QM2P', 'Code: K7QM2P', 'K7QM2P yes please'],
  ])('is a yes: %s', (message) => {
    expect(readReply(message, code)).toBe('approve');
  });

  it.each([
    ...['no', 'No.', 'Nope', 'no thanks', "don't", 'Do not!', 'cancel', 'stop', 'decline K7QM2P', 'never'],
    ...['nein', 'Nein, danke.', 'lieber nicht', 'non', 'Non merci', 'нет', 'いいえ', '不要', '👎', '❌'],
    ...[
      'No, take the other file.',
      'no - too dangerous',
      'Nein, nimm die andere Datei',
      'Stop! That is wrong',
      'No\nbecause',
    ],
    // Whatever may be meant: a no runs nothing, and the model reads the message.
    ...['No problem, go ahead', 'no yes'],
  ])('is a no: %s', (message) => {
    expect(readReply(message, code)).toBe('decline');
  });

  it.each([
    ...['', ' ', '?', 'Yes, but the old one.', 'yes yes do whatever and also mail Bob', 'ok if it is empty'],
    ...[
      'What does it do?',
      'yes?x',
      'approve ABCDEF',
      'ABCDEF',
      'approve all future calls',
      'nothing',
      'Notes first',
    ],
    ...[
      'I said yes',
      'yes and no',
      'okay okay okay',
      `yes ${'please '.repeat(80)}`,
      'Tell me a story about a yes',
    ],
  ])('is something else: %s', (message) => {
    expect(readReply(message, code)).toBe('other');
  });

  it('is never a yes where another text stands with it', () => {
    const words = fc.constantFrom(
      'but',
      'file',
      'tomorrow',
      'all',
      'with',
      'except',
      'x',
      '/etc',
      'delete',
      '5',
    );
    fc.assert(
      fc.property(
        words,
        words,
        fc.constantFrom('yes', 'ok', 'ja', code, 'approve'),
        fc.boolean(),
        (a, b, yes, first) => {
          const message = first ? `${yes} ${a} ${b}` : `${a} ${b} ${yes}`;
          expect(readReply(message, code)).not.toBe('approve');
        },
      ),
    );
  });

  it('is read in bounded time, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000, unit: 'binary' }), (message) => {
        expect(['approve', 'decline', 'other']).toContain(readReply(message, code));
      }),
    );
    expect(readReply('no '.repeat(1_000_000), code)).toBe('decline');
  });
});
