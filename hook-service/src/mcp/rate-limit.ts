/**
 * Lets so many events of each second through; answers false for the others. How many those were is told with the first
 * event of a later second.
 */
export function limitRate(perSecond: number, onDropped: (count: number) => void): () => boolean {
  let second = 0;
  let count = 0;
  return () => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      if (count > perSecond) onDropped(count - perSecond);
      second = now;
      count = 0;
    }
    count += 1;
    return count <= perSecond;
  };
}
