import { createRoot } from "react-dom/client";
import { Chat } from "../components/chat.tsx";

createRoot(document.body).render(<Chat />);
