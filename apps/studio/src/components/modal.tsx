import { useEffect, useRef, type ReactNode } from "react";
import { Icon } from "./icon.tsx";

interface ModalProps {
  readonly label: string;
  readonly className: string;
  /** Also for Escape, and for a click beside it. */
  readonly onClose: () => void;
  /** With its own heading and a button to close it. */
  readonly titled?: boolean;
  readonly children: ReactNode;
}

/** What it shows is all there is until it is closed; then the focus is where it was. */
export function Modal({ label, className, onClose, titled = false, children }: ModalProps): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    const box = dialog.current;
    if (box === null) return undefined;
    // The box itself is covered by what is in it: only its backdrop is left to be hit.
    const onClick = (event: MouseEvent): void => {
      if (event.target === box) box.close();
    };
    box.addEventListener("click", onClick);
    box.showModal();
    return () => {
      box.removeEventListener("click", onClick);
      box.close();
    };
  }, []);

  return (
    <dialog ref={dialog} className={className} aria-label={label} onClose={onClose}>
      <div className="modal-inner">
        {titled && (
          <header className="modal-head">
            <h2>{label}</h2>
            <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </button>
          </header>
        )}
        {children}
      </div>
    </dialog>
  );
}
