/** A planned ffmpeg command: pure data, run by whoever has the tools. */
export interface Plan {
  /** What it makes, for messages and progress: `segment of still 3`. */
  what: string;
  /** Arguments without the binary; the runner adds what every run gets. */
  args: readonly string[];
}

/** Decimal text without exponent, for ffmpeg's option parsers. */
export function decimal(value: number, digits = 6): string {
  return value.toFixed(digits).replace(/\.?0+$/, '') || '0';
}

/** The values that `metadata=print` or `ametadata=print` wrote under `key`, in order. */
export function printed(text: string, key: string): number[] {
  const prefix = `${key}=`;
  const values: number[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith(prefix)) continue;
    const word = line.slice(prefix.length).trim();
    values.push(word === '-inf' ? Number.NEGATIVE_INFINITY : word === 'inf' ? Number.POSITIVE_INFINITY : Number(word));
  }
  return values;
}
