"""What operators see: metrics, log lines and client addresses. Every package may import it; it imports none of ours."""
