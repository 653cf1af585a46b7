import type { ContentPart } from './ports';

/** An image or a recording, as a dialect can carry it beside a result's text. */
export type MediaPart = Extract<ContentPart, { type: 'image' | 'audio' }>;

/** Bounds of what one result may carry. Providers refuse images of more than 5 MB of base64 (Anthropic's limit). */
const limits = { parts: 8, partLength: 5_000_000, totalLength: 10_000_000 };

/** How the image formats that every provider takes begin, in base64. */
const imageStarts: readonly (readonly [string, string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
];

/**
 * The images and recordings of a result that can go to the model, by the part they come from. Providers refuse the
 * whole request over one that is broken, of another kind than it says, or too big: such a part stays behind.
 */
export function pickMedia(content: readonly ContentPart[]): ReadonlyMap<ContentPart, MediaPart> {
  const picked = new Map<ContentPart, MediaPart>();
  let left = limits.totalLength;
  for (const part of content) {
    if (picked.size === limits.parts) break;
    if (part.type !== 'image' && part.type !== 'audio') continue;
    const sound = usable(part);
    if (sound === undefined || sound.data.length > left) continue;
    left -= sound.data.length;
    picked.set(part, sound);
  }
  return picked;
}

function usable(part: MediaPart): MediaPart | undefined {
  const { type, data } = part;
  if (data === '' || data.length > limits.partLength || data.length % 4 !== 0) return undefined;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(data)) return undefined;
  if (type === 'audio') return /^audio\/[\w.+-]+$/.test(part.mimeType) ? part : undefined;
  // What the bytes are counts, not what the server calls them.
  const mimeType = imageStarts.find(([start]) => data.startsWith(start))?.[1];
  return mimeType === undefined ? undefined : { type, data, mimeType };
}
