/** For tests: an exposition as a map of its samples. */

/** `name{a="1",b="2"}` (labels in order of name) → value. Throws on a line that is no sample, and on a sample that comes twice. */
export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const found = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/i.exec(line);
    const value = Number(found?.[3]?.replace('Inf', 'Infinity'));
    if (!found?.[1] || (Number.isNaN(value) && !/^nan$/i.test(found[3] ?? '')))
      throw new Error(`not a sample: ${line}`);
    const labels = [...(found[2] ?? '').matchAll(/\w+="(?:[^"\\]|\\.)*"/g)].map(([pair]) => pair).sort();
    const key = labels.length > 0 ? `${found[1]}{${labels.join(',')}}` : found[1];
    if (samples.has(key)) throw new Error(`twice: ${key}`);
    samples.set(key, value);
  }
  return samples;
}
