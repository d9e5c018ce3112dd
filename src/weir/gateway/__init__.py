"""The data plane: the only public listener, and the pipeline every call runs through."""
