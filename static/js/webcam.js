// Opens a camera that stays open, and says in a code why it cannot.

import { ApiError } from "./api.js";

const CODES = { NotAllowedError: "camera_refused", SecurityError: "camera_refused", NotReadableError: "camera_busy", AbortError: "camera_busy" };

/** A stream of the camera on this side of the device. Throws an ApiError: no_camera, camera_refused or camera_busy. */
export async function openCamera() {
  // Browsers give no camera to a page that was not fetched over HTTPS, other than from this computer.
  if (!navigator.mediaDevices?.getUserMedia) throw new ApiError(0, "camera_insecure", "navigator.mediaDevices");
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new ApiError(0, CODES[error.name] ?? "no_camera", error.message);
  }
}
