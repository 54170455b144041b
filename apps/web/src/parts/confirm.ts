/** Asks before something that cannot be taken back: one dialog of the browser, made when it is needed and gone after. */
import { html, render } from 'lit-html';

export interface Question {
  title: string;
  text: string;
  /** The word on the button that does it. */
  yes: string;
  /** The word on the button that does not. */
  no?: string;
  dangerous?: boolean;
}

/** True when the person meant it. Escape and the other button mean no. */
export function confirmed(question: Question): Promise<boolean> {
  const dialog = document.createElement('dialog');
  dialog.className = 'question';
  dialog.setAttribute('aria-labelledby', 'question-title');
  render(
    html`<form method="dialog">
      <h2 id="question-title">${question.title}</h2>
      <p>${question.text}</p>
      <div class="actions">
        <button value="no" autofocus>${question.no ?? 'Leave it'}</button>
        <button value="yes" class=${question.dangerous ? 'danger' : 'primary'}>${question.yes}</button>
      </div>
    </form>`,
    dialog,
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      answer(dialog.returnValue === 'yes');
    });
  });
}
