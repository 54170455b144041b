/** The page's door: everything begins here, once the document stands. */
import { startShell } from './shell.ts';

startShell(document.getElementById('page') as HTMLElement);
