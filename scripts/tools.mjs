/**
 * The programs of the system that the tests use, under the pinned Node. ffmpeg must be there: it is installed where we
 * may (root on Debian), else its absence ends the tests with the command to run. redis-server, Chromium, PocketSphinx and
 * espeak-ng are welcome: without one, its tests are skipped by name.
 */
import { ensureFfmpeg, findOnPath, installWithApt, mayInstall, missingSentence } from '@reelfleet/embedded';

const log = (line) => console.log(`reelfleet: ${line}`);
const welcome = [
  { tests: 'Redis', programs: ['redis-server'], packages: { apt: 'redis-server', brew: 'redis', dnf: 'redis' } },
  {
    tests: 'browser',
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    packages: { apt: 'chromium', brew: '--cask chromium', dnf: 'chromium' },
  },
  {
    tests: 'speech',
    programs: ['pocketsphinx_continuous'],
    packages: {
      apt: 'pocketsphinx pocketsphinx-en-us',
      brew: 'cmu-pocketsphinx',
      dnf: 'pocketsphinx pocketsphinx-models',
    },
  },
  {
    tests: 'spoken',
    programs: ['espeak-ng'],
    packages: { apt: 'espeak-ng', brew: 'espeak-ng', dnf: 'espeak-ng' },
  },
];

try {
  const { version } = await ensureFfmpeg({ log });
  log(`ffmpeg ${version}`);
} catch (error) {
  console.error(`reelfleet: ${error.message}`);
  process.exit(error.exitCode ?? 1);
}
for (const { tests, programs, packages } of welcome) {
  if (programs.some((name) => findOnPath(name, process.env) !== undefined)) continue;
  try {
    if (mayInstall(process.env)) await installWithApt(packages.apt.split(' '), log);
    else log(`${missingSentence(programs[0], packages)}; until then the ${tests} tests are skipped`);
  } catch (error) {
    log(`${error.message}; until then the ${tests} tests are skipped`);
  }
}
