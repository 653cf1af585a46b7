import type { Json, JsonObject } from './json';
import type { AddressBook, AddressClass } from './ports';

/** How far the addresses in a tool's arguments may reach: the internet alone, or the local network too. */
export type UrlReach = 'public' | 'lan';

const allowed: Readonly<Record<UrlReach, ReadonlySet<AddressClass>>> = {
  public: new Set(['public']),
  lan: new Set(['public', 'private']),
};

/** Addresses in one call that are looked at; a call with more is refused. */
const mostAddresses = 50;
const deepest = 100;

/** Names of arguments that hold an address without a scheme. */
const addressName =
  /(?:^|[_-])(?:ur[il]s?|href|link|endpoint|host(?:name)?|address|website|domain)$|ur[il]s?$/i;
/** An address within a text, as a server might follow it; what stands before `//` may be left out. */
const inText = /(?:[a-z][a-z0-9+.-]*:|(?<![^\s"'(=,]))[\\/]{2}[^\s"'<>]+/giu;
/** Schemes that lead somewhere without `//`. */
const opaque =
  /^(?:file|data|javascript|blob|jar|view-source|filesystem|gopher|dict|ldaps?|ftp|tftp|netdoc|php|phar|expect):/i;

/**
 * Why these arguments may not go to a tool whose addresses are guarded; undefined where they may. Every address in them
 * counts, however it is written: numbers in other bases and IPv4 within IPv6 are read as browsers read them (WHATWG URL).
 * A name is looked up, and all its addresses must be allowed. Where a server follows a redirect, or looks the name up
 * again, this cannot see it.
 */
export async function urlRefusal(
  args: JsonObject,
  reach: UrlReach,
  book: AddressBook,
): Promise<string | undefined> {
  const found = [...addressesIn(args, '', 0)];
  if (found.length > mostAddresses) return `its arguments hold more than ${mostAddresses} addresses`;
  const refusals = await Promise.all(found.map((each) => refusalOf(each, reach, book)));
  return refusals.find((refusal) => refusal !== undefined);
}

interface Found {
  readonly argument: string;
  readonly address: string;
}

function* addressesIn(value: Json, argument: string, depth: number): Generator<Found> {
  if (typeof value === 'string') {
    for (const address of addressesOf(value, argument)) yield { argument, address };
  } else if (typeof value === 'object' && value !== null && depth < deepest) {
    for (const [name, each] of Object.entries(value))
      yield* addressesIn(each as Json, Array.isArray(value) ? argument : name, depth + 1);
  }
}

function addressesOf(text: string, argument: string): readonly string[] {
  // What a parser skips must not hide a scheme.
  const bare = [...text].filter((each) => each > ' ' && each !== '\u007f').join('');
  if (opaque.test(bare)) return [bare];
  const within = text.replaceAll(/[\t\n\r]/g, '').match(inText) ?? [];
  if (within.length > 0) return within;
  return addressName.test(argument) && bare !== '' && !bare.startsWith('/') ? [`http://${bare}`] : [];
}

async function refusalOf(
  { argument, address }: Found,
  reach: UrlReach,
  book: AddressBook,
): Promise<string | undefined> {
  const where = `the address in the argument ${JSON.stringify(argument)}`;
  const whole = /^[\\/]{2}/.test(address) ? `http:${address}` : address;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined) return `${where} cannot be read`;
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `${where} is not one of http or https`;
  if (url.username !== '' || url.password !== '') return `${where} holds a user name or password`;
  const classes = await book.classesOf(url.hostname.replace(/^\[|\]$/g, ''));
  if (classes.length === 0) return `${where} has a name that is not known`;
  if (classes.every((each) => allowed[reach].has(each))) return undefined;
  return reach === 'public'
    ? `${where} leads into an internal network`
    : `${where} leads to this machine, or to none that may be asked`;
}
