"""What the pocket model is taught: questions in many wordings, each with the answer that it should give."""
