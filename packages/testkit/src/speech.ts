/**
 * Speech for tests: espeak-ng says it, PocketSphinx hears it. Where one is not installed, `speechMissing()` gives the sentence
 * with which a suite is skipped by name:
 *
 *     describe.skipIf(speechMissing() !== null)(withSpeech('a talk'), () => { … })
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findOnPath, missingSentence } from '@reelfleet/embedded';

const run = promisify(execFile);

const PROGRAMS = [
  {
    program: 'pocketsphinx_continuous',
    packages: {
      apt: 'pocketsphinx pocketsphinx-en-us',
      brew: 'cmu-pocketsphinx',
      dnf: 'pocketsphinx pocketsphinx-models',
    },
  },
  { program: 'espeak-ng', packages: { apt: 'espeak-ng', brew: 'espeak-ng', dnf: 'espeak-ng' } },
] as const;

/** Null when both programs are there, else one sentence with the command that installs what is not. */
export function speechMissing(): string | null {
  const wanting = PROGRAMS.find(({ program }) => findOnPath(program, process.env) === undefined);
  return wanting ? missingSentence(wanting.program, wanting.packages) : null;
}

/** The title of a suite that needs speech; says why and what to do when it is skipped. */
export function withSpeech(title: string): string {
  const missing = speechMissing();
  return missing === null ? title : `${title} (skipped: ${missing})`;
}

/** Says a text into a WAV file, in American English, slowly enough to be understood. */
export async function speak(text: string, path: string): Promise<void> {
  await run('espeak-ng', ['-v', 'en-us+f2', '-s', '130', '-w', path, text]);
}
