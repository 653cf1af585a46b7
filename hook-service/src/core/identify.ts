import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Caller } from './caller';
import { isJsonObject } from './json';
import { signToken, verifyToken, type SignedText } from './signed-token';

/** The header by which hook-service asks, through LiteLLM, whose a key is. */
export const identifyHeader = 'x-toolturn-identify';

/**
 * The status of the answer that carries an identity. It never reaches a client; in LiteLLM's own log and metrics it
 * tells these requests from those of clients.
 */
export const identifyStatus = 418;

/** How long a question is good for, in seconds: LiteLLM answers in milliseconds. */
const lastsSeconds = 60;
const tag = 'toolturn-identity:';
const ivBytes = 12;
const tagBytes = 16;

// The purpose is part of what is signed: a question can never pass for the mark of a continuation, nor the other way.
const signedText: SignedText = (head) => `toolturn-identify\0${head}`;
const sealingKey = (secret: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', 'toolturn-identity', 32));

/** A question as it goes out with the caller's key. */
export interface Question {
  readonly nonce: string;
  /** The value of `identifyHeader`: `<nonce>.<expires>.<signature>`, expires in Unix seconds. */
  readonly token: string;
}

/** Makes a question that only a holder of the secret can make. */
export function askIdentity(secret: string, now = Date.now()): Question {
  const nonce = randomBytes(16).toString('hex');
  const expires = Math.ceil(now / 1000) + lastsSeconds;
  return { nonce, token: signToken(secret, nonce, expires, signedText) };
}

/** The nonce of a question that is ours and has not expired; undefined for anything else. */
export function questionOf(secrets: readonly string[], token: string, now = Date.now()): string | undefined {
  return verifyToken(secrets, token, signedText, now);
}

/**
 * The caller as an answer carries it. Sealed (AES-256-GCM, bound to the question), because LiteLLM logs the texts of
 * errors and hands them to its callbacks.
 */
export function sealIdentity(secret: string, nonce: string, caller: Caller): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(secret), iv).setAAD(Buffer.from(nonce));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(caller), 'utf8'), cipher.final()]);
  return tag + Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
}

/** The caller out of a text that holds the answer to this question; undefined where none does. */
export function openIdentity(secrets: readonly string[], nonce: string, text: string): Caller | undefined {
  const found = new RegExp(`${tag}([A-Za-z0-9_-]+)`).exec(text)?.[1];
  if (found === undefined) return undefined;
  const bytes = Buffer.from(found, 'base64url');
  for (const secret of secrets) {
    const caller = opened(secret, nonce, bytes);
    if (caller !== undefined) return caller;
  }
  return undefined;
}

function opened(secret: string, nonce: string, bytes: Buffer): Caller | undefined {
  if (bytes.length <= ivBytes + tagBytes) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', sealingKey(secret), bytes.subarray(0, ivBytes))
      .setAAD(Buffer.from(nonce))
      .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    const text = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]);
    const value: unknown = JSON.parse(text.toString('utf8'));
    // Sealed by a process that has our secret, for this very question: it is what `preCall` was given.
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
