/**
 * What lies in an h264 byte stream (ITU-T H.264, Annex B): units behind start codes, of which a few tell what a splice has to
 * know. A parameter set (SPS, PPS) has a number by which pictures name it; an IDR picture begins anew and needs nothing that
 * came before it. Pure.
 */

const START_CODE = Buffer.from([0, 0, 1]);

/** Types of units (table 7-1). */
export const unitTypes = { idr: 5, sei: 6, sps: 7, pps: 8, delimiter: 9 } as const;
/** Sequence and stream ends, filler: they mean nothing where a container tells pictures apart. */
const ENDS_AND_FILLER = [10, 11, 12];

/** The units of a piece of byte stream, without start codes and padding. */
export function unitsOf(stream: Buffer): Buffer[] {
  const units: Buffer[] = [];
  let code = stream.indexOf(START_CODE);
  while (code >= 0) {
    const start = code + START_CODE.length;
    code = stream.indexOf(START_CODE, start);
    let end = code < 0 ? stream.length : code;
    while (end > start && stream[end - 1] === 0) end -= 1;
    if (end > start) units.push(stream.subarray(start, end));
  }
  return units;
}

export const typeOf = (unit: Buffer): number => (unit[0] as number) & 0x1f;

/** Pictures and what describes them: what a sample of a file holds, parameter sets left to the file's header. */
export function isSampleUnit(unit: Buffer): boolean {
  const type = typeOf(unit);
  return (
    type !== unitTypes.sps && type !== unitTypes.pps && type !== unitTypes.delimiter && !ENDS_AND_FILLER.includes(type)
  );
}

/** The pictures of an encoder's stream that puts a delimiter (AUD) before each, as pieces of the stream. */
export function picturesOf(stream: Buffer): Buffer[] {
  const starts: number[] = [];
  for (let code = stream.indexOf(START_CODE); code >= 0; code = stream.indexOf(START_CODE, code + START_CODE.length))
    if (((stream[code + START_CODE.length] as number) & 0x1f) === unitTypes.delimiter) starts.push(code);
  return starts.map((start, index) => stream.subarray(start, starts[index + 1] ?? stream.length));
}

/** Parameter sets by kind and number, in the order in which they came. */
export interface ParameterSets {
  sps: Map<number, Buffer>;
  pps: Map<number, Buffer>;
}

export const noSets = (): ParameterSets => ({ sps: new Map(), pps: new Map() });

/**
 * Take the sets among these units in. False: a number has come to mean another set on the way, which one header cannot say.
 */
export function takeSets(sets: ParameterSets, units: readonly Buffer[]): boolean {
  for (const unit of units) {
    const type = typeOf(unit);
    if (type !== unitTypes.sps && type !== unitTypes.pps) continue;
    const known = type === unitTypes.sps ? sets.sps : sets.pps;
    const number = setNumber(unit);
    const before = known.get(number);
    if (before && !before.equals(unit)) return false;
    known.set(number, Buffer.from(unit));
  }
  return true;
}

/** 7.3.2.1.1: an SPS's number comes after profile, constraints and level; 7.3.2.2: a PPS begins with its own. */
export function setNumber(unit: Buffer): number {
  return exponentialGolomb(unit, typeOf(unit) === unitTypes.sps ? 4 : 1);
}

/** `ue(v)` at a byte (9.1): so many zeros, a one, so many bits more. */
function exponentialGolomb(unit: Buffer, byte: number): number {
  const bit = (at: number) => ((unit[byte + (at >> 3)] ?? 0) >> (7 - (at & 7))) & 1;
  let zeros = 0;
  while (zeros < 16 && bit(zeros) === 0) zeros += 1;
  let value = 0;
  for (let at = zeros; at <= 2 * zeros; at += 1) value = value * 2 + bit(at);
  return value - 1;
}

/** The first number below 32 that no set has, for an encoder whose sets go beside these; null when there is none. */
export function freeNumber({ sps, pps }: ParameterSets): number | null {
  for (let number = 0; number < 32; number += 1) if (!sps.has(number) && !pps.has(number)) return number;
  return null;
}

/** `profile_idc` of a set, by the name encoders have for it; null for one that has no place here. */
export function profileOf(sps: Buffer): 'baseline' | 'main' | 'high' | null {
  const names = { 66: 'baseline', 77: 'main', 100: 'high' } as const;
  return names[sps[1] as keyof typeof names] ?? null;
}
