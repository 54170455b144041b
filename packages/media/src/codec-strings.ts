/**
 * The names of codecs as playlists give them (RFC 6381), read from the header of the encoded file, so that a player is told what
 * was made and not what was meant. Pure.
 */

/** `avc1.640028`, `hvc1.1.6.L120.90`, `av01.0.08M.08` or `mp4a.40.2`, from an initialisation segment. Throws when it holds none of them. */
export function codecString(header: Buffer): string {
  const configuration = (name: string): Buffer | null => {
    const at = header.indexOf(name, 0, 'latin1');
    return at < 0 ? null : header.subarray(at + 4);
  };
  const avc = configuration('avcC');
  if (avc) return `avc1.${hex(avc, 1)}${hex(avc, 2)}${hex(avc, 3)}`;
  const hevc = configuration('hvcC');
  if (hevc) return hevcString(hevc);
  const av1 = configuration('av1C');
  if (av1) return av1String(av1);
  if (configuration('esds')) return 'mp4a.40.2';
  throw new Error('the header names no codec that this version makes');
}

const hex = (bytes: Buffer, at: number): string => byte(bytes, at).toString(16).padStart(2, '0');
function byte(bytes: Buffer, at: number): number {
  const value = bytes[at];
  if (value === undefined) throw new Error('the codec configuration breaks off');
  return value;
}

/** ISO/IEC 14496-15, annex E.3: profile, compatibility flags in reverse order of bits, tier and level, constraint bytes. */
function hevcString(bytes: Buffer): string {
  const first = byte(bytes, 1);
  const space = ['', 'A', 'B', 'C'][first >> 6];
  let compatibility = 0;
  const flags = bytes.readUInt32BE(2);
  for (let bit = 0; bit < 32; bit += 1) if (flags & (2 ** bit)) compatibility += 2 ** (31 - bit);
  const constraints = [...bytes.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  return [
    `hvc1.${space}${first & 0x1f}`,
    compatibility.toString(16).toUpperCase(),
    `${first & 0x20 ? 'H' : 'L'}${byte(bytes, 12)}`,
    ...constraints.map((value) => value.toString(16).toUpperCase()),
  ].join('.');
}

/** AV1 Codec ISO Media File Format Binding, 5: profile, level, tier, depth. */
function av1String(bytes: Buffer): string {
  const second = byte(bytes, 1);
  const third = byte(bytes, 2);
  const level = String(second & 0x1f).padStart(2, '0');
  const depth = third & 0x40 ? (third & 0x20 ? '12' : '10') : '08';
  return `av01.${second >> 5}.${level}${third & 0x80 ? 'H' : 'M'}.${depth}`;
}
