import { createRoot } from "react-dom/client";
import { ChatMessage } from "../components/chat-message.tsx";
import { ChatStream } from "../components/chat-stream.tsx";
import { Notifications } from "../components/notifications.tsx";

// Shows the component that the address names: `/#ChatStream:<conversation>`.
const [name, conversationId = ""] = location.hash.slice(1).split(":");
const components = {
  ChatMessage: <ChatMessage />,
  ChatStream: <ChatStream conversationId={conversationId} />,
  Notifications: <Notifications />,
};
createRoot(document.body).render(Object.entries(components).find(([key]) => key === name)?.[1]);
