import type { DoctorContext } from './context';
import { type Place, textOf, type YamlSource } from './yaml-source';

/** Every value of the JSON files. */
export function* jsonPlaces(context: DoctorContext): Iterable<Place & { readonly source: YamlSource }> {
  for (const source of context.json) for (const place of source.places()) yield { ...place, source };
}

/** The entries with text, with the name they stand under. */
export function* jsonTexts(
  context: DoctorContext,
): Iterable<{ name: string; text: string; place: Place; source: YamlSource }> {
  for (const place of jsonPlaces(context)) {
    const text = textOf(place.value);
    if (text !== undefined) yield { name: String(place.path.at(-1)), text, place, source: place.source };
  }
}
